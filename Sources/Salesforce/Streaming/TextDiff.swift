internal import Cryptography
internal import Encoding

/// The difference of a large text to its previous value, as a change event sends it: a unified diff whose
/// `+++` line has the SHA-256 of the new text in hexadecimal.
///
/// Source: Change Data Capture Developer Guide, "Sending Data Differences for Fields of Updated Records" and
/// "Considerations for Newline Characters and Computing the SHA-256 Hash".
package enum TextDiff {
    /// The new text. Nil if the diff is malformed or does not lead from `old` to the text with the hash. Then
    /// the record must be read again.
    package static func apply(_ diff: String, to old: String) -> String? {
        guard let parsed = Parsed(diff) else { return nil }
        // The diff does not contain the line break, whether the last line has one, and how it counts a place
        // without lines. The hash decides.
        let breaks = old.utf8.contains(13) ? ["\r\n", "\n", "\r"] : ["\n", "\r\n"]
        for lineBreak in breaks {
            let lines = split(old, at: lineBreak)
            for isZeroBased in [true, false] {
                guard let new = parsed.applied(to: lines, isZeroBased: isZeroBased) else { continue }
                let text = new.joined(separator: lineBreak)
                var candidates = [text, text + lineBreak]
                if text.hasSuffix(lineBreak) { candidates.append(String(text.dropLast())) }
                for candidate in candidates where Digest.sha256(candidate) == parsed.hash { return candidate }
            }
        }
        return nil
    }

    private static func split(_ text: String, at lineBreak: String) -> [String] {
        var lines: [String] = []
        let bytes = Array(text.utf8)
        let mark = Array(lineBreak.utf8)
        var start = 0
        var index = 0
        while index + mark.count <= bytes.count {
            if bytes[index] == mark[0], bytes[index..<index + mark.count].elementsEqual(mark) {
                lines.append(String(decoding: bytes[start..<index], as: UTF8.self))
                index += mark.count
                start = index
            } else {
                index += 1
            }
        }
        return lines + [String(decoding: bytes[start...], as: UTF8.self)]
    }

    private struct Hunk {
        /// The first replaced line, from 1.
        let start: Int
        let removed: Int
        var lines: [String] = []
    }

    private struct Parsed {
        let hash: [UInt8]
        private(set) var hunks: [Hunk] = []

        init?(_ diff: String) {
            let lines = TextDiff.split(diff, at: "\n").map { $0.utf8.last == 13 ? String($0.dropLast()) : $0 }
            guard lines.count >= 3, lines[0].hasPrefix("---"), lines[1].hasPrefix("+++"),
                let hash = Hex.decode(String(lines[1].dropFirst(3).filter { $0 != " " })),
                hash.count == Digest.sha256Count
            else { return nil }
            self.hash = hash
            for line in lines.dropFirst(2) {
                switch line.utf8.first {
                case UInt8(ascii: "@"):
                    guard let hunk = TextDiff.hunk(line) else { return nil }
                    hunks.append(hunk)
                case UInt8(ascii: "+"), UInt8(ascii: " "):
                    guard !hunks.isEmpty else { return nil }
                    hunks[hunks.count - 1].lines.append(String(line.dropFirst()))
                // Removed lines, and "\ No newline at end of file".
                default: continue
                }
            }
            guard !hunks.isEmpty else { return nil }
        }

        /// - Parameter isZeroBased: a hunk that removes nothing inserts after the line `start`, as GNU diff
        ///   counts, not before it.
        func applied(to old: [String], isZeroBased: Bool) -> [String]? {
            var new: [String] = []
            var next = 0
            for hunk in hunks {
                let first = hunk.removed == 0 && isZeroBased ? hunk.start : hunk.start - 1
                guard first >= next, hunk.removed >= 0, first + hunk.removed <= old.count else { return nil }
                new += old[next..<first]
                new += hunk.lines
                next = first + hunk.removed
            }
            return new + old[next...]
        }
    }

    /// Reads `@@ -2,1 +2,1 @@`. A count that is missing is 1.
    private static func hunk(_ line: String) -> Hunk? {
        let words = line.split(separator: " ")
        guard words.count >= 3, words[0] == "@@", words[1].hasPrefix("-") else { return nil }
        let numbers = words[1].dropFirst().split(separator: ",")
        guard let first = numbers.first, let start = Int(first), start >= 0, start < 1 << 30 else {
            return nil
        }
        guard numbers.count > 1 else { return Hunk(start: start, removed: 1) }
        guard let removed = Int(numbers[1]), (0..<1 << 30).contains(removed) else { return nil }
        return Hunk(start: start, removed: removed)
    }
}

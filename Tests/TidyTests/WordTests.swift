import Foundation
import Testing

/// Words that comments, texts, names and documents must not have. ARCHITECTURE.md has the glossary.
struct WordTests {
    /// Metaphors, and words for which the glossary has another one.
    private static let banned: [(pattern: String, instead: String)] = [
        ("bury|buries|buried", "dead, or mark as dead"),
        ("farewell|take leave", "deregister"),
        ("deaf", "unresponsive"),
        ("herd", "the name of the things"),
        ("breath", "the duration or the pause"),
        ("patience|patient|patiently", "timeout, limit or retry"),
        ("whoever|whomever|whichever", "the name of the person or thing"),
        ("mend|mends|mended", "fix or repair"),
        ("make good|makes good|made good", "reconcile or repair"),
        ("put back|puts back|hand back|hands back|handed back", "requeue"),
        ("grow old|grows old", "become outdated"),
        ("in vain", "the effect"),
        ("is told|are told|was told|were told|be told", "push, notify, or the fact"),
        ("told of|tell of|tells of", "push, notify, or the fact"),
        ("taken for|takes for", "the fact"),
        ("foreign job|foreign jobs|foreign entry|foreign entries|foreign client", "external job"),
        ("TODO|FIXME", "do it now, or open an issue"),
    ]

    /// Words of names in camel case.
    private static let bannedInNames: Set = [
        "bury", "buried", "farewell", "deaf", "herd", "breath", "patience", "patient", "patiently", "wish",
        "shelf", "whoever", "mend", "overseer",
    ]

    private static let expressions: [(NSRegularExpression, String)] = banned.compactMap { rule in
        (try? NSRegularExpression(pattern: "\\b(\(rule.pattern))\\b", options: .caseInsensitive)).map {
            ($0, rule.instead)
        }
    }

    /// All of them in one: most files have none.
    private static let anyBanned = try? NSRegularExpression(
        pattern: "\\b(\(banned.map(\.pattern).joined(separator: "|")))\\b", options: .caseInsensitive)

    private func check(_ text: String, _ place: @autoclosure () -> String) {
        guard text.contains(where: \.isLetter) else { return }
        let range = NSRange(text.startIndex..., in: text)
        for (expression, instead) in Self.expressions {
            guard let match = expression.firstMatch(in: text, range: range),
                let found = Range(match.range, in: text)
            else { continue }
            Issue.record("\(place()): \(text[found]): write \(instead)")
        }
    }

    @Test(arguments: SourceTree.sources + SourceTree.tests)
    func `comments, texts and names are plain`(file: SourceFile) {
        let texts = (file.text.comments + file.text.literals).joined(separator: "\n")
        let range = NSRange(texts.startIndex..., in: texts)
        if Self.anyBanned?.firstMatch(in: texts, range: range) != nil || Self.anyBanned == nil {
            for index in file.code.indices {
                check(file.text.comments[index], "\(file):\(index + 1)")
                check(file.text.literals[index], "\(file):\(index + 1)")
            }
        }
        var seen: Set<String> = []
        for token in file.tokens where token.isWord && token.text.count > 3 {
            guard seen.insert(token.text).inserted else { continue }
            let words = token.text.replacing(/[A-Z]/) { "_\($0.0.lowercased())" }.split(separator: "_")
            for word in words where Self.bannedInNames.contains(String(word)) {
                Issue.record("\(file):\(token.line + 1): \(token.text): \(word)")
            }
        }
    }

    @Test(arguments: DocumentTests.documents)
    func `documents are plain`(path: String) throws {
        var isGlossary = false
        for (index, line) in try SourceTree.text(path).components(separatedBy: "\n").enumerated() {
            if line.hasPrefix("## ") { isGlossary = line == "## Words" }
            if !isGlossary { check(line, "\(path):\(index + 1)") }
        }
    }
}

import Foundation

/// One source file, with the target that it belongs to.
struct SourceFile: Sendable, CustomStringConvertible {
    let target: String
    /// Relative to the repository.
    let path: String
    let lines: [String]

    var name: String { (path as NSString).lastPathComponent }
    var description: String { path }

    /// Lines with comments and the contents of string literals blanked out, so that words in prose do not count.
    let code: [String]

    init(target: String, path: String, lines: [String]) {
        self.target = target
        self.path = path
        self.lines = lines
        var isInsideBlock = false
        code = lines.map { line in
            if isInsideBlock {
                if line.contains("\"\"\"") { isInsideBlock = false }
                return ""
            }
            if line.contains("\"\"\""), line.components(separatedBy: "\"\"\"").count == 2 {
                isInsideBlock = true
                return String(line.prefix(upTo: line.range(of: "\"\"\"")!.lowerBound))
            }
            return SourceFile.blank(line)
        }
    }

    private static func blank(_ line: String) -> String {
        var result = ""
        var isInsideString = false
        var previous: Character = " "
        for character in line {
            if character == "\"", previous != "\\" { isInsideString.toggle() }
            if !isInsideString, character == "/", previous == "/" { return String(result.dropLast()) }
            result.append(isInsideString ? " " : character)
            previous = character
        }
        return result
    }
}

enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every Swift file below `folder`, a folder of the repository.
    static func files(in folder: String) -> [SourceFile] {
        let base = root.appendingPathComponent(folder)
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix(".swift") }.sorted().map { path in
            let text = (try? String(contentsOf: base.appendingPathComponent(path), encoding: .utf8)) ?? ""
            return SourceFile(
                target: String(path.prefix { $0 != "/" }), path: "\(folder)/\(path)",
                lines: text.components(separatedBy: "\n"))
        }
    }

    static let sources = files(in: "Sources")

    /// Without `Tests/TidyTests`, whose rules name the words that they look for.
    static let tests = files(in: "Tests").filter { $0.target != "TidyTests" }
}

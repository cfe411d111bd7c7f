import Foundation

/// One source file, with the target that it belongs to.
struct SourceFile: Sendable, CustomStringConvertible {
    let target: String
    /// Relative to the repository.
    let path: String
    let lines: [String]
    let text: SwiftText
    let tokens: [Token]
    let declarations: Declarations

    var name: String { (path as NSString).lastPathComponent }
    var description: String { path }
    var code: [String] { text.code }

    /// The folder inside of the target, or the file itself if it is in none: both are a node of the
    /// dependency graph.
    var node: String {
        let parts = path.split(separator: "/")
        return parts.count > 3 ? "\(parts[2])/" : name
    }

    init(target: String, path: String, content: String) {
        self.target = target
        self.path = path
        lines = content.components(separatedBy: "\n")
        text = SwiftText(content)
        tokens = Token.all(in: text.code)
        declarations = Declarations(tokens)
    }

    /// The lines of comments directly above a line.
    func comment(above line: Int) -> String {
        let above = lines[..<line].reversed().drop { !$0.contains("//") && $0.contains("@") }
        return above.prefix { $0.contains("//") }.joined(separator: " ")
    }
}

enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every Swift file below a folder of the repository.
    private static func files(in folder: String) -> [SourceFile] {
        paths(in: folder, "swift").map { path in
            SourceFile(
                target: String(path.split(separator: "/")[1]), path: path,
                content: (try? text(path)) ?? "")
        }
    }

    /// The files with an extension below a folder, relative to the repository.
    static func paths(in folder: String, _ type: String) -> [String] {
        let base = root.appendingPathComponent(folder)
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix(".\(type)") }.sorted().map { "\(folder)/\($0)" }
    }

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    static let sources = files(in: "Sources")
    static let targets = Dictionary(grouping: sources, by: \.target)

    /// Without `Tests/TidyTests`, whose rules contain the words that they forbid.
    static let tests = files(in: "Tests").filter { $0.target != "TidyTests" }
}

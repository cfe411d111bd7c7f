import Foundation
import Testing

/// Rules for the code itself.
struct CodeTests {
    private static let wrappers: Set = [
        "Reactor", "TLS", "HTTPClient", "Postgres", "Redis", "Cryptography", "XML", "Compression",
    ]

    /// A word, the targets that may use it, and what to use instead.
    private static let banned: [(word: String, allowed: Set<String>, instead: String)] = [
        ("unsafe", wrappers, "only targets that wrap C have unsafe code"),
        ("@unchecked", wrappers, "only targets that wrap C may promise sendability"),
        ("Task {", ["Multiconnect"], "start tasks in groups: an unstructured task leaves its loop"),
        (
            "Task(",
            ["Multiconnect", "Reactor"],
            "start tasks in groups, or use withCancellationShield"
        ),
        ("Task.detached", ["Multiconnect"], "start tasks in groups: an unstructured task leaves its loop"),
        ("processInfo.environment", ["Multiconnect"], "only the composition root reads settings"),
        ("getenv", ["Multiconnect"], "only the composition root reads settings"),
        ("print(", ["Multiconnect"], "libraries throw, or log at trace and debug"),
        ("try!", [], "handle the error"),
        ("fatalError(", [], "use precondition with the broken invariant, or throw"),
        ("import Foundation\n", [], "FoundationEssentials: the ICU of Foundation costs memory"),
        ("import Dispatch", [], "the blocking pool of Reactor"),
        ("NIO", [], "our own loop"),
        ("public ", [], "package: this is a product, not a library"),
        ("DispatchQueue", [], "the loop"),
        ("Thread.sleep", [], "EventLoop.sleep"),
    ]

    @Test(arguments: SourceTree.sources)
    func `banned code stays out`(file: SourceFile) {
        let text = file.code.joined(separator: "\n")
        let rules = Self.banned.filter { !$0.allowed.contains(file.target) && text.contains($0.word) }
        guard !rules.isEmpty else { return }
        for (index, line) in file.code.enumerated() {
            for rule in rules where has(line + "\n", rule.word) {
                Issue.record("\(file):\(index + 1): \(rule.word): \(rule.instead)")
            }
        }
    }

    /// Whether `word` occurs and is not a part of another word.
    private func has(_ line: String, _ word: String) -> Bool {
        var rest = line[...]
        while let range = rest.range(of: word) {
            let before =
                range.lowerBound == line.startIndex ? " " : line[line.index(before: range.lowerBound)]
            let after = range.upperBound == line.endIndex ? " " : line[range.upperBound]
            let endsInWord = (word.last?.isLetter ?? false) && (after.isLetter || after.isNumber)
            let beginsInWord =
                (word.first?.isLetter ?? false) && (before.isLetter || before.isNumber || before == "_")
            if !beginsInWord && !endsInWord { return true }
            rest = rest[range.upperBound...]
        }
        return false
    }

    @Test(arguments: SourceTree.sources)
    func `a file is named for its content, and no folder is a drawer`(file: SourceFile) {
        for word in ["Util", "Helper", "Common", "Manager", "Misc"] {
            #expect(!file.path.contains(word), "\(file): name it for its content")
        }
        #expect(!file.tokens.isEmpty, "\(file) is empty")
    }

    @Test(arguments: SourceTree.sources)
    func `a type that other targets use has a doc comment`(file: SourceFile) {
        let kinds = ["struct", "class", "enum", "protocol", "actor"]
        for (index, line) in file.code.enumerated() {
            let words = line.split(separator: " ").map(String.init)
            guard words.contains("package"), let kind = words.firstIndex(where: kinds.contains),
                words[..<kind].allSatisfy({ !["func", "var", "let"].contains($0) })
            else { continue }
            let isDocumented = file.comment(above: index).contains("///")
            #expect(isDocumented, "\(file):\(index + 1): no doc comment")
        }
    }
}

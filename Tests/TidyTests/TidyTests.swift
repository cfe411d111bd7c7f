import Foundation
import Testing

/// The design's rules, checked over the source tree, so that no review has to.
struct TidyTests {
    /// Which of our own modules, C modules and library modules each target may import.
    static let imports: [String: Set<String>] = [
        "Encoding": [],
        "Reactor": ["Encoding", "CLinux", "HeapModule", "DequeModule"],
        "TLS": ["Reactor", "COpenSSL"],
        "HTTPWire": ["Encoding"],
        "HTTPServer": ["Reactor", "TLS", "HTTPWire", "Encoding", "Logging"],
        "HTTPClient": ["Reactor", "Encoding", "CCurl"],
        "Postgres": ["Reactor", "Encoding", "CPostgres", "DequeModule"],
        "Redis": ["Reactor", "TLS", "CHiredis", "DequeModule"],
        "Cryptography": ["Encoding", "COpenSSL"],
        "Metrics": ["Redis"],
        "Salesforce": ["HTTPClient", "Cryptography", "Reactor", "Encoding", "Logging"],
        "Jobs": ["Postgres", "Redis", "Metrics", "Reactor", "Encoding", "Logging"],
        "Organizations": [
            "Encoding", "Postgres", "Jobs", "Salesforce", "Cryptography", "HTTPClient", "Reactor", "Logging",
        ],
        "Replication": [
            "Postgres", "Jobs", "Salesforce", "Organizations", "Reactor", "Encoding", "Logging",
        ],
        "Web": [
            "HTTPServer", "HTTPWire", "Reactor", "Salesforce", "Jobs", "Organizations", "Replication",
            "Postgres",
            "Redis", "Metrics", "Cryptography", "Encoding", "Logging",
        ],
        "OrgSimulator": ["HTTPServer", "HTTPWire", "Reactor", "TLS", "Cryptography", "Encoding", "Logging"],
        "Multiconnect": [
            "Reactor", "TLS", "HTTPWire", "HTTPServer", "HTTPClient", "Postgres", "Redis", "Cryptography",
            "Metrics", "Salesforce",
            "Jobs", "Organizations", "Replication", "Web", "OrgSimulator", "ArgumentParser", "Subprocess",
            "Encoding", "Logging",
        ],
    ]
    static let standardLibrary: Set<String> = ["Synchronization", "FoundationEssentials"]
    static let withoutFoundation: Set<String> = ["HTTPWire", "Reactor"]
    static let wrappers: Set<String> = ["Reactor", "TLS", "HTTPClient", "Postgres", "Redis", "Cryptography"]

    enum Limits {
        static let fileLines = 600
        static let functionLines = 70
        static let lineColumns = 110
    }

    @Test(arguments: SourceTree.sources)
    func `a target imports what the design allows`(file: SourceFile) throws {
        let allowed = try #require(Self.imports[file.target], "no rule for target \(file.target)")
        for line in file.code {
            let words = line.split(separator: " ")
            guard let index = words.firstIndex(of: "import"), index + 1 < words.count,
                words[..<index].allSatisfy({ ["package", "internal", "private", "@testable"].contains($0) })
            else { continue }
            let module = String(words.last!.prefix { $0 != "." })
            let isStandard =
                Self.standardLibrary.contains(module)
                && !(module == "FoundationEssentials" && Self.withoutFoundation.contains(file.target))
            #expect(allowed.contains(module) || isStandard, "\(file): \(line)")
        }
    }

    @Test(arguments: SourceTree.sources)
    func `files, functions and lines stay readable`(file: SourceFile) {
        #expect(file.lines.count <= Limits.fileLines, "\(file) has \(file.lines.count) lines")
        for (index, line) in file.lines.enumerated() where line.count > Limits.lineColumns {
            // A long literal is broken nowhere better.
            #expect(
                line.contains("\"") || line.contains("//"), "\(file):\(index + 1) has \(line.count) columns")
        }
        for (start, length) in functions(of: file) {
            #expect(length <= Limits.functionLines, "\(file):\(start + 1): a function of \(length) lines")
        }
    }

    /// Start line and length of each function, by the indentation that the formatter guarantees.
    private func functions(of file: SourceFile) -> [(start: Int, length: Int)] {
        file.code.enumerated().compactMap { start, line in
            let isFunction = line.contains("func ") || line.contains(" init(") || line.contains(" init?(")
            guard isFunction, !line.contains("}") else { return nil }
            let closing = String(line.prefix { $0 == " " }) + "}"
            guard let end = file.lines[(start + 1)...].firstIndex(of: closing) else { return nil }
            return (start, end - start + 1)
        }
    }

    /// A word, the targets that may say it, and what to do instead.
    static let banned: [(word: String, allowed: Set<String>, instead: String)] = [
        ("unsafe", wrappers, "unsafe code belongs into the targets that wrap C"),
        ("@unchecked", wrappers, "only wrappers of C may vouch for themselves"),
        ("Task {", ["Multiconnect"], "start tasks in groups: an unstructured one leaves its loop"),
        (
            "Task(", ["Reactor", "Jobs"], "start tasks in groups, or use withCancellationShield"
        ),
        ("Task.detached", ["Multiconnect"], "start tasks in groups: an unstructured one leaves its loop"),
        ("processInfo.environment", ["Multiconnect"], "settings are read once, in the composition root"),
        ("getenv", ["Multiconnect"], "settings are read once, in the composition root"),
        ("print(", ["Multiconnect"], "libraries throw or log at trace and debug"),
        ("try!", [], "handle the error"),
        ("fatalError(", [], "use precondition with the broken invariant, or throw"),
        ("import Foundation\n", [], "FoundationEssentials: Foundation's ICU costs memory"),
        ("import Dispatch", [], "the blocking pool of Reactor"),
        ("NIO", [], "our own loop"),
        ("public ", [], "package: this is a product, not a library"),
        ("DispatchQueue", [], "the loop"),
        ("Thread.sleep", [], "EventLoop.sleep"),
        ("TODO", [], "do it now, or open an issue"),
        ("FIXME", [], "do it now, or open an issue"),
    ]

    @Test(arguments: SourceTree.sources)
    func `banned words stay out`(file: SourceFile) {
        for (index, line) in file.code.enumerated() {
            for rule in Self.banned where !rule.allowed.contains(file.target) && has(line + "\n", rule.word) {
                Issue.record("\(file):\(index + 1): \(rule.word): \(rule.instead)")
            }
        }
    }

    /// Whether `word` occurs and does not begin in the middle of another word.
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
    func `SQL against the control schema is in stores and migrations`(file: SourceFile) {
        guard !file.name.hasSuffix("Store.swift") else { return }
        let text = file.lines.filter { !$0.trimmingCharacters(in: .whitespaces).hasPrefix("//") }
            .joined(separator: "\n")
        let pattern = #"(?i)\b(from|into|update|join|table)\s+multiconnect(_sync)?\."#
        let isFree = text.range(of: pattern, options: .regularExpression) == nil
        #expect(isFree, "\(file) speaks SQL to the control schema")
    }

    @Test(arguments: SourceTree.sources)
    func `C modules have one owner`(file: SourceFile) {
        let owners = [
            "CLinux": ["Reactor"], "CPostgres": ["Postgres"], "CHiredis": ["Redis"], "CCurl": ["HTTPClient"],
            "COpenSSL": ["Cryptography", "TLS"],
        ]
        for line in file.code where line.contains("import C") {
            let module = String(line.split(separator: " ").last ?? "")
            guard let allowed = owners[module] else { continue }
            #expect(allowed.contains(file.target), "\(file): \(line)")
        }
    }

    @Test(arguments: SourceTree.sources)
    func `a file is named for what it holds and no folder is a drawer`(file: SourceFile) {
        for word in ["Util", "Helper", "Common", "Manager", "Misc"] {
            #expect(!file.path.contains(word), "\(file): name it for what it holds")
        }
        #expect(!file.code.allSatisfy { $0.trimmingCharacters(in: .whitespaces).isEmpty }, "\(file) is empty")
    }

    @Test(arguments: SourceTree.sources)
    func `what other targets may use says what it is`(file: SourceFile) {
        let kinds = ["struct", "class", "enum", "protocol", "actor"]
        for (index, line) in file.lines.enumerated() where line.contains("package ") {
            let words = line.split(separator: " ").map(String.init)
            guard words.contains("package"), let kind = words.firstIndex(where: kinds.contains),
                words[..<kind].allSatisfy({
                    !$0.hasPrefix("//") && $0 != "func" && $0 != "var" && $0 != "let"
                })
            else { continue }
            let above = file.lines[..<index].reversed().drop {
                $0.contains("//") == false && $0.contains("@")
            }
            let comment = above.prefix { $0.contains("//") }
            #expect(comment.contains { $0.contains("///") }, "\(file):\(index + 1): no doc comment")
        }
    }

    /// A suite without a kind runs where there is no server; those that start processes of their own would pass there.
    @Test(arguments: SourceTree.tests)
    func `a suite that starts servers or processes says its kind`(file: SourceFile) {
        let starts =
            ["withDatabase", "withMigratedDatabase", "withRedis", "PrivateRedis(", "PrivatePostgres("]
            + ["Deployment(", "Program.multiconnect", "RubySidekiq("]
        let isSuite = file.code.contains { $0.trimmingCharacters(in: .whitespaces).hasPrefix("@Test") }
        guard isSuite, file.code.contains(where: { line in starts.contains(where: line.contains) }) else {
            return
        }
        #expect(
            file.code.contains { $0.contains("@Suite(.tags(.") },
            "\(file): tag the suite as store, process, interop or long")
    }

    @Test(arguments: SourceTree.tests)
    func `each test asserts something`(file: SourceFile) {
        let assertions = [
            "#expect", "#require", "Issue.record", "eventually(", "xpect", "confirmation(",
        ]
        let code = file.code
        var start = 0
        while let test = code[start...].firstIndex(where: {
            $0.trimmingCharacters(in: .whitespaces).hasPrefix("@Test")
        }) {
            let indentation = String(code[test].prefix { $0 == " " })
            // By the lines as they are: a raw literal can look like an open one.
            let end = file.lines[(test + 1)...].firstIndex { $0 == indentation + "}" }
            let body = file.lines[test...(end ?? test)]
            #expect(
                body.contains { line in assertions.contains(where: line.contains) },
                "\(file):\(test + 1): a test that asserts nothing")
            start = max(test, end ?? test) + 1
        }
    }

    @Test func `the graph is free of SwiftNIO`() throws {
        let manifest = try String(
            contentsOf: SourceTree.root.appendingPathComponent("Package.swift"), encoding: .utf8)
        #expect(!manifest.lowercased().contains("swift-nio"))
        let checkouts = SourceTree.root.appendingPathComponent(".build/checkouts").path
        let packages = (try? FileManager.default.contentsOfDirectory(atPath: checkouts)) ?? []
        #expect(packages.allSatisfy { !$0.contains("swift-nio") })
    }

    @Test func `migrations are numbered without gaps and named for what they do`() throws {
        for folder in ["migrations", "migrations/cells"] {
            let path = SourceTree.root.appendingPathComponent(folder).path
            let names = try FileManager.default.contentsOfDirectory(atPath: path)
                .filter { $0.hasSuffix(".sql") }.sorted()
            for (index, name) in names.enumerated() {
                let number = String(format: "%04d_", index + 1)
                #expect(name.hasPrefix(number), "\(folder)/\(name): expected \(number)")
                #expect(name.wholeMatch(of: /[0-9]{4}_[a-z]+(_[a-z]+)+\.sql/) != nil, "\(folder)/\(name)")
            }
        }
    }
}

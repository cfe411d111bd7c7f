import Foundation
import Testing

/// Rules for the tests.
struct SuiteTests {
    /// A suite without a tag runs where no server is. It could start servers of its own there, and the
    /// missing tag would not be noticed.
    @Test(arguments: SourceTree.tests)
    func `a suite that starts servers or processes has a tag`(file: SourceFile) {
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

    /// A suite that the list leaves out is never run, and no run fails for it.
    @Test func `the list of suites has the suites of every file with tests`() throws {
        let list = Process()
        list.executableURL = SourceTree.root.appendingPathComponent("bin/suites/list")
        let pipe = Pipe()
        list.standardOutput = pipe
        try list.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        list.waitUntilExit()
        #expect(list.terminationStatus == 0)
        let suites = Set(text.split(separator: "\n").compactMap { $0.split(separator: " ").last })
        for file in SourceTree.tests {
            let isTest = file.code.contains { $0.trimmingCharacters(in: .whitespaces).hasPrefix("@Test") }
            let own = file.declarations.types.filter { $0.name.hasSuffix("Tests") }
            let isListed = own.contains { type in
                suites.contains { $0.hasPrefix("\(file.target).") && $0.hasSuffix(type.name) }
            }
            #expect(!isTest || isListed, "\(file): bin/suites/list has no suite of this file")
        }
    }

    @Test(arguments: SourceTree.tests)
    func `each test asserts something`(file: SourceFile) {
        let assertions = [
            "#expect", "#require", "Issue.record", "eventually(", "xpect", "confirmation(",
        ]
        let tests = file.code.indices.filter {
            file.code[$0].trimmingCharacters(in: .whitespaces).hasPrefix("@Test")
        }
        for test in tests {
            let indentation = String(file.lines[test].prefix { $0 == " " })
            let end = file.lines[(test + 1)...].firstIndex { $0 == indentation + "}" } ?? test
            #expect(
                file.lines[test...end].contains { line in assertions.contains(where: line.contains) },
                "\(file):\(test + 1): this test asserts nothing")
        }
    }
}

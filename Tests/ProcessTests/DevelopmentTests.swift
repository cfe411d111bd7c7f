import Foundation
import Support
import Testing

extension ProcessTests {
    /// The start and the end of `multiconnect dev`.
    @Suite(.tags(.process))
    struct DevelopmentTests {
        private static let few = ["--accounts", "1", "--contacts", "1", "--tweets", "1"]

        /// Starts it with its own directory for temporary files.
        private func withDevelopment(
            _ arguments: [String], _ body: (Program, _ temporary: URL) async throws -> Void
        ) async throws {
            let temporary = FileManager.default.temporaryDirectory.appending(path: "dev-\(UUID().uuidString)")
            try FileManager.default.createDirectory(
                at: temporary, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
            defer { try? FileManager.default.removeItem(at: temporary) }
            // The directory of an ended process is removed. The directory of a running one stays.
            for (name, owner) in [("left", "999999 1"), ("used", try Self.ownIdentity())] {
                let directory = temporary.appending(path: "multiconnect-dev-\(name)")
                try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
                try owner.write(to: directory.appending(path: "owner"), atomically: true, encoding: .utf8)
            }
            let program = try Program.multiconnect(
                ["dev"] + arguments + Self.few, environment: ["TMPDIR": temporary.path])
            try await body(program, temporary)
        }

        private static func ownIdentity() throws -> String {
            let status = try String(contentsOfFile: "/proc/self/stat", encoding: .utf8)
            let fields = status[(status.lastIndex(of: ")") ?? status.startIndex)...].split(separator: " ")
            return "\(ProcessInfo.processInfo.processIdentifier) \(fields[20])"
        }

        private func directories(_ temporary: URL) -> [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: temporary.path)) ?? []).sorted()
        }

        @Test(arguments: [SIGKILL, SIGHUP])
        func `after any signal its programs end and its directory is removed`(signal: Int32) async throws {
            try await withDevelopment(["--orgs", "1", "--idle"]) { program, temporary in
                try await eventually(within: .seconds(90), "it is up:\n\(program.output)") {
                    program.output.contains("Ctrl-C stops everything")
                }
                let name = try #require(
                    directories(temporary).first {
                        !["multiconnect-dev-left", "multiconnect-dev-used"].contains($0)
                    })
                let registry = temporary.appending(path: name).appending(path: "processes")
                let processes = try String(contentsOf: registry, encoding: .utf8).split(separator: "\n")
                #expect(processes.count >= 7)
                program.signal(signal)
                try await eventually(within: .seconds(60), "only the other directory is there") {
                    directories(temporary) == ["multiconnect-dev-used"]
                }
                for process in processes {
                    let words = process.split(separator: " ")
                    let status = try? String(contentsOfFile: "/proc/\(words[0])/stat", encoding: .utf8)
                    #expect(status?.contains(" \(words[1]) ") != true || status?.contains(") Z ") == true)
                }
            }
        }

        @Test func `the log of a part that exits is shown`() async throws {
            try await withDevelopment(["--orgs", "1", "--mapping", "nope.json"]) { program, temporary in
                #expect(program.exitStatus() == 1)
                #expect(program.output.contains("nope.json was not found"), "\(program.output)")
                #expect(directories(temporary) == ["multiconnect-dev-used"])
            }
        }

        @Test func `more orgs than the mail limit of one admin become live`() async throws {
            try await withDevelopment(["--orgs", "11", "--exit", "--timeout", "90"]) { program, _ in
                #expect(program.exitStatus() == 0, "\(program.output)")
                #expect(program.output.contains("received in _platform_event_log after"))
                #expect(program.output.contains("11 live"), "\(program.output)")
            }
        }

        @Test func `--orgs 0 is refused`() async throws {
            let program = try Program.multiconnect(["dev", "--orgs", "0"], environment: [:])
            #expect(program.exitStatus() == 64)
            #expect(program.output.contains("--orgs is 0: it must be at least 1"))
        }
    }
}

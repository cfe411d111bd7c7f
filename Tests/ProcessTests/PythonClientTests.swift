import Foundation
import Support
import Testing

/// The Python environment with the clients of `Tests/Interop`.
enum PythonClients {
    static let python = Program.repository.appendingPathComponent(".build/interop/bin/python").path

    static var areInstalled: Bool { FileManager.default.isExecutableFile(atPath: python) }
}

extension ProcessTests {
    /// Salesforce's clients from PyPI against the simulator, and Heroku Connect's against the API. Skipped without `bin/setup --interop`.
    @Suite(.tags(.interop))
    struct PythonClientTests {
        @Test(
            .enabled(if: PythonClients.areInstalled, "bin/setup --interop installs the clients"),
            arguments: ["aiosfstream_check.py", "simple_salesforce_check.py"])
        func `a client of PyPI works against the simulator`(_ script: String) async throws {
            let port = try await withLoop { try Deployment.freePort() }
            let simulator = try Program.multiconnect(
                ["org-simulator", "--port", "\(port)"], environment: [:])
            defer { simulator.kill() }
            let origin = "http://127.0.0.1:\(port)"
            try await eventually(within: .seconds(30), "the simulator answers") {
                guard let url = URL(string: origin + "/simulator") else { return false }
                return (try? Data(contentsOf: url)) != nil
            }
            let check = try Program(
                "check", PythonClients.python,
                [Program.repository.appendingPathComponent("Tests/Interop/\(script)").path, origin])
            #expect(check.exitStatus() == 0, "\(check.output)")
            #expect(check.output.contains("ok "), "\(check.output)")
        }

        @Test(
            .enabled(if: PythonClients.areInstalled, "bin/setup --interop installs the clients"),
            arguments: ["openapi_check.py", "django_check.py"])
        func `a client of PyPI works against the API`(_ script: String) async throws {
            try await withApplication { rig in
                let (status, output) = try rig.command("tokens", "create", "client", "--scope", "write")
                #expect(status == 0)
                let origin = try #require(rig.deployment.environment["APP_URL"])
                let token = output.trimmingCharacters(in: .whitespacesAndNewlines)
                let more = script.hasPrefix("django") ? [rig.org.schema, rig.deployment.databaseURL] : []
                let check = try Program(
                    "check", PythonClients.python,
                    [
                        Program.repository.appendingPathComponent("Tests/Interop/\(script)").path, origin,
                        token,
                    ]
                        + more)
                #expect(check.exitStatus(within: .seconds(300)) == 0, "\(check.output)")
                #expect(check.output.contains("ok "), "\(check.output)")
            }
        }

        @Test(.enabled(if: PythonClients.areInstalled, "bin/setup --interop installs the clients"))
        func `pandas reads a tenant as its reader, and shared queries`() async throws {
            try await withApplication { rig in
                let org = rig.org.id
                let select = "select id, sfid, name, createddate from account order by id"
                let (granted, url) = try rig.command("organizations", "grant-reader", org)
                let saved = try rig.command("queries", "save", org, "names", select)
                let (shared, link) = try rig.command("queries", "share", org, "names", "pandas")
                #expect(granted == 0 && saved.status == 0 && shared == 0, "\(url) \(saved) \(link)")
                let script = Program.repository.appendingPathComponent("Tests/Interop/pandas_check.py").path
                let check = try Program(
                    "check", PythonClients.python,
                    [script] + [url, link].map { $0.trimmingCharacters(in: .whitespacesAndNewlines) })
                #expect(check.exitStatus(within: .seconds(300)) == 0, "\(check.output)")
                #expect(check.output.contains("ok pandas"), "\(check.output)")
            }
        }
    }
}

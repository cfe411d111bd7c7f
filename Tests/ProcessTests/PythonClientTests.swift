import Foundation
import Support
import Testing

/// The Python environment with the clients of `Tests/Interop`.
enum PythonClients {
    static let python = Program.repository.appendingPathComponent(".build/interop/bin/python").path

    static var areInstalled: Bool { FileManager.default.isExecutableFile(atPath: python) }
}

extension ProcessTests {
    /// Salesforce's clients from PyPI against the simulator. Skipped without `bin/setup --interop`.
    @Suite(.tags(.interop))
    struct PythonClientTests {
        @Test(
            .enabled(if: PythonClients.areInstalled, "bin/setup --interop installs the clients"),
            arguments: ["aiosfstream_check.py", "simple_salesforce_check.py"])
        func `a client of PyPI works against the simulator`(_ script: String) async throws {
            let port = try Deployment.freePort()
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
    }
}

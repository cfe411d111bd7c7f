internal import Foundation

/// A self-signed certificate for `localhost`, made by the openssl command for one test.
package struct TestCertificate: Sendable {
    /// The openssl command failed.
    struct Failed: Error {}

    package let directory: String
    package var certificate: String { directory + "/certificate.pem" }
    package var key: String { directory + "/key.pem" }

    package init() throws {
        directory = NSTemporaryDirectory() + "tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
            + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
            + ["-keyout", key, "-out", certificate]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed() }
    }

    package func remove() { try? FileManager.default.removeItem(atPath: directory) }
}

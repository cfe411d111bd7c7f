import Reactor
import Support
import Testing

@testable import Postgres

/// Sessions over TLS.
@Suite(.tags(.store))
struct EncryptionTests {
    private func connect(
        _ front: ServerFront, _ database: TestDatabase, host: String = "localhost", _ parameters: String
    ) async throws -> PostgresConnection {
        let url = "postgres://postgres@\(host):\(front.port)/\(database.name)?\(parameters)"
        return try await PostgresConnection.connect(
            PostgresConfiguration(url: url), deadline: .now + .seconds(20))
    }

    @Test func `verify-full accepts only a certificate for the host of the URL`() async throws {
        let certificate = try TestCertificate()
        let other = try TestCertificate()
        defer {
            certificate.remove()
            other.remove()
        }
        try await withFront(certificate) { front, database in
            let trusted = "sslmode=verify-full&sslrootcert=\(certificate.certificate)"
            let connection = try await connect(front, database, trusted)
            #expect(connection.isEncrypted)
            connection.close()
            let strange = await #expect(throws: PostgresError.self) {
                try await connect(front, database, "sslmode=verify-full&sslrootcert=\(other.certificate)")
            }
            #expect(
                strange?.description.contains("certificate verify failed") == true,
                "\(strange?.description ?? "")")
            let named = await #expect(throws: PostgresError.self) {
                try await connect(front, database, host: "127.0.0.1", trusted)
            }
            #expect(named?.description.contains("127.0.0.1") == true, "\(named?.description ?? "")")
            let absent = await #expect(throws: PostgresError.self) {
                try await connect(front, database, "sslmode=verify-full&sslrootcert=/no/such.pem")
            }
            #expect(absent?.description.contains("/no/such.pem") == true, "\(absent?.description ?? "")")
        }
    }

    @Test(arguments: [true, false])
    func `changed parameters and notifications during a COPY do not end it`(isEncrypted: Bool) async throws {
        let certificate = isEncrypted ? try TestCertificate() : nil
        defer { certificate?.remove() }
        try await withFront(certificate) { front, database in
            let connection = try await connect(
                front, database, isEncrypted ? "sslmode=require" : "sslmode=disable")
            try await connection.script("create table t (a int)")
            let copy = try await connection.copyIn("copy t from stdin")
            try await copy.write(Array("1\n".utf8))
            try await front.inject(ServerFront.parameterStatus("application_name", "other"))
            while !connection.link.hasInput { try await EventLoop.current.sleep(for: .milliseconds(1)) }
            try await copy.write(Array("2\n".utf8))
            try await front.inject(ServerFront.notification("news", "payload"))
            while !connection.link.hasInput { try await EventLoop.current.sleep(for: .milliseconds(1)) }
            try await copy.write(Array("3\n".utf8))
            #expect(try await copy.finish() == 3)
            let notification = try await connection.nextNotification(deadline: .now + .seconds(5))
            #expect(notification?.channel == "news" && notification?.payload == "payload")
            #expect(try await connection.query("select count(*) from t").scalar() == 3)
        }
    }

    @Test(arguments: [true, false])
    func `a row refused after a changed parameter is reported before the end`(
        isEncrypted: Bool
    ) async throws {
        let certificate = isEncrypted ? try TestCertificate() : nil
        defer { certificate?.remove() }
        try await withFront(certificate) { front, database in
            let connection = try await connect(
                front, database, isEncrypted ? "sslmode=require" : "sslmode=disable")
            try await connection.script("create table t (a int)")
            let copy = try await connection.copyIn("copy t from stdin")
            try await front.inject(ServerFront.parameterStatus("application_name", "other"))
            while !connection.link.hasInput { try await EventLoop.current.sleep(for: .milliseconds(1)) }
            try await copy.write(Array("1\nno number\n".utf8))
            let block = Array(String(repeating: "4\n", count: 70_000).utf8)
            let error = await #expect(throws: PostgresError.self) {
                while true { try await copy.write(block) }
            }
            #expect(error?.sqlState == .invalidTextRepresentation)
            #expect(connection.isIdle)
        }
    }

    /// The last record does not fit into libpq's buffer: TLS holds the rest, and the kernel has nothing more.
    @Test func `a result whose rest is buffered by TLS is read to its end`() async throws {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        try await withFront(certificate) { front, database in
            let connection = try await connect(front, database, "sslmode=require")
            front.use(.inFullRecords)
            let rows = try await connection.query(
                "select repeat('x', 97) from generate_series(1, 250)", deadline: .now + .seconds(5))
            #expect(rows.count == 250)
        }
    }

    @Test(arguments: [
        ("", false, "disable", false, ServerTrust.local), ("127.0.0.1", false, "prefer", false, .local),
        ("::1", true, "require", false, .local), ("192.0.2.1", true, "verify-full", true, .verified),
        ("2001:db8::1", true, "verify-ca", false, .verified), ("192.0.2.1", true, "require", true, .verified),
        ("192.0.2.1", true, "require", false, .unverified(isEncrypted: true)),
        ("192.0.2.1", false, "prefer", false, .unverified(isEncrypted: false)),
        ("192.0.2.1", true, "prefer", true, .unverified(isEncrypted: true)),
    ])
    func `a server on another machine is only trusted with a verified certificate`(
        address: String, isEncrypted: Bool, mode: String, hasAuthorities: Bool, trust: ServerTrust
    ) {
        #expect(
            ServerTrust(
                address: address, isEncrypted: isEncrypted, mode: mode, hasAuthorities: hasAuthorities)
                == trust)
    }

    @Test func `an open connection knows whether its server is verified`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            #expect(connection.serverTrust == .local)
        }
    }
}

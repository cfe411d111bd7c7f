import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// A pooler between the processes and Postgres. Skipped without pgbouncer.
    @Suite(.tags(.process))
    struct PoolerTests {
        private static let program = "/usr/sbin/pgbouncer"

        @Test(
            .enabled(
                if: FileManager.default.isExecutableFile(atPath: PoolerTests.program),
                "bin/setup --test installs pgbouncer"))
        func `sessions through pgbouncer with session pooling have their settings`() async throws {
            try await withDatabase { database in
                let server = try #require(URLComponents(string: database.url))
                let directory = FileManager.default.temporaryDirectory.appending(
                    path: "multiconnect-pooler-\(UUID().uuidString.prefix(8))")
                try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(at: directory) }
                let port = try Deployment.freePort()
                let file = directory.appending(path: "pgbouncer.ini")
                // As Debian's package: only the pool mode is chosen.
                try Data(
                    """
                    [databases]
                    * = host=127.0.0.1 port=\(server.port ?? 5432) user=postgres
                    [pgbouncer]
                    listen_addr = 127.0.0.1
                    listen_port = \(port)
                    unix_socket_dir =
                    auth_type = any
                    pool_mode = session
                    \(getuid() == 0 ? "user = postgres" : "")

                    """.utf8
                ).write(to: file)
                var pooled = server
                pooled.host = "127.0.0.1"
                pooled.port = Int(port)
                let url = try #require(pooled.string)
                let pooler = try Program("pgbouncer", Self.program, [file.path])
                defer { pooler.kill() }

                let own = try await database.connect()
                try await own.script(
                    "alter database \(SQL.quote(identifier: database.name)) set timezone = 'Asia/Tokyo'")
                own.close()
                var configuration = try PostgresConfiguration(url: url)
                configuration.settings["search_path"] = "pg_catalog, public"
                try await eventually(within: .seconds(10), "pgbouncer answers: \(pooler.output)") {
                    do {
                        try await PostgresConnection.connect(configuration).close()
                        return true
                    } catch let error as PostgresError where error.code == .connection {
                        #expect(error.sqlState == nil, "\(error.debugDescription)")
                        return false
                    }
                }
                let connection = try await PostgresConnection.connect(configuration)
                defer { connection.close() }
                let found: [String] = try await connection.query(
                    """
                    select current_setting(name) from unnest(array['TimeZone', 'jit', 'search_path'])
                      with ordinality as s (name, place) order by place
                    """
                ).column()
                #expect(found == ["UTC", "off", "pg_catalog, public"])

                let migrate = try Program.multiconnect(
                    ["migrate"], environment: Program.commandEnvironment(url))
                #expect(migrate.exitStatus(within: .seconds(60)) == 0, "\(migrate.output)")
            }
        }
    }
}

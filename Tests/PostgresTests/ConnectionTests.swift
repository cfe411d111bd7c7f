import Foundation
import Postgres
import Reactor
import Support
import Testing

struct ConnectionTests {
    @Test func `a value travels to the server and back`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            let answer: Int = try await connection.query("select \(41)::int + 1").scalar()
            #expect(answer == 42)
        }
    }
}

internal import FoundationEssentials
package import Postgres

/// Check values of the keys that have sealed credentials.
package struct KeyCheckStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Makes other checks wait until the transaction ends; reads do not wait.
    func lock() async throws {
        _ = try await connection.execute("lock table multiconnect.key_checks in exclusive mode")
    }

    /// Removes all other keys. A process that still has a removed key is refused at its next start.
    func forget(except keyIDs: [String]) async throws {
        _ = try await connection.execute(
            "delete from multiconnect.key_checks where not key_id = any(\(keyIDs)::text[])")
    }

    func all() async throws -> [String: [UInt8]] {
        let rows = try await connection.query("select key_id, check_value from multiconnect.key_checks")
        var values: [String: [UInt8]] = [:]
        for row in rows {
            values[try row["key_id", as: String.self]] = try row["check_value", as: [UInt8].self]
        }
        return values
    }

    func insert(_ keyID: String, checkValue: [UInt8]) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.key_checks (key_id, check_value) values (\(keyID), \(checkValue))
            on conflict (key_id) do nothing
            """)
    }
}

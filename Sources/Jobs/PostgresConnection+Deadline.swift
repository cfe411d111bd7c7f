import Postgres

extension PostgresConnection {
    /// `query` that may take so long: no statement of the queue waits for ever.
    func query(within time: Duration, _ sql: SQL) async throws -> Rows {
        try await query(sql, deadline: .now + time)
    }

    /// `execute` that may take so long.
    func execute(within time: Duration, _ sql: SQL) async throws -> Int {
        try await execute(sql, deadline: .now + time)
    }
}

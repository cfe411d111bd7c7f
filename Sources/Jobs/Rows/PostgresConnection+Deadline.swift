package import Postgres

extension PostgresConnection {
    /// `query` with a deadline.
    package func query(within time: Duration, _ sql: SQL) async throws -> Rows {
        try await query(sql, deadline: .now + time)
    }

    /// `execute` with a deadline.
    package func execute(within time: Duration, _ sql: SQL) async throws -> Int {
        try await execute(sql, deadline: .now + time)
    }
}

internal import Postgres

extension PostgresPool {
    /// `withConnection` for the pool of a cell: waits longer, because other imports hold connections for
    /// whole pages.
    func withCellConnection<Value>(_ body: (PostgresConnection) async throws -> Value) async throws -> Value {
        try await withConnection(deadline: .now + ReplicationLimits.connectionWait, body)
    }
}

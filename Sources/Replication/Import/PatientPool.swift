internal import Postgres

extension PostgresPool {
    /// As `withConnection`, for a pool of a cell, whose connections other imports hold as long as their pages last.
    func patiently<Value>(_ body: (PostgresConnection) async throws -> Value) async throws -> Value {
        try await withConnection(deadline: .now + ReplicationLimits.connectionWait, body)
    }
}

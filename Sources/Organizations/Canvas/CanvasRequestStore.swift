internal import Postgres

/// Rows of `canvas_requests`. This type is the table's only writer.
struct CanvasRequestStore {
    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Records a request. False if the same request was recorded before. Removes some that are outdated.
    func accept(_ digest: [UInt8]) async throws -> Bool {
        let memory = OrganizationsLimits.canvasMemory.timeInterval
        _ = try await connection.execute(
            """
            delete from multiconnect.canvas_requests where digest in (
                select digest from multiconnect.canvas_requests
                where accepted_at < now() - make_interval(secs => \(memory)::float8)
                order by accepted_at limit 100)
            """)
        let rows = try await connection.query(
            """
            insert into multiconnect.canvas_requests (digest) values (\(digest))
            on conflict do nothing returning 1
            """)
        return !rows.isEmpty
    }
}

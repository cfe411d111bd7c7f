internal import FoundationEssentials
internal import Postgres

// What a session of a tenant asks.
extension LogStore {
    /// The state of an entry now.
    struct Current: Sendable, Equatable {
        var state: String
        var sfid: String?
    }

    /// True if there are changes to send, or attempts to look up.
    func hasWork(of organization: UUID, on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            """
            select exists (select from \(raw: log) where state in ('NEW', 'REQUEUE'))
                or exists (
                    select from multiconnect_sync.write_attempts
                    where organization_id = \(organization) and state in ('sent', 'doubtful'))
                or exists (select from \(raw: archiveLog) where state = 'REQUEUE') as has_work
            """
        ).scalar()
    }

    /// The states of entries in the log. Entries that were archived or removed are missing.
    func states(_ ids: [Int], on connection: PostgresConnection) async throws -> [Int: Current] {
        let rows = try await connection.query(
            "select id, state, sfid from \(raw: log) where id = any (\(ids)::int[])")
        var states: [Int: Current] = [:]
        for row in rows { states[try row["id"]] = Current(state: try row["state"], sfid: try row["sfid"]) }
        return states
    }
}

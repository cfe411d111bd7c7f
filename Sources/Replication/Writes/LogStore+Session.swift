internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

// What a session of a tenant asks.
extension LogStore {
    /// The state of an entry now.
    struct Current: Sendable, Equatable {
        var state: String
        var sfid: String?
    }

    /// The states of entries in the log. Entries that were archived or removed are missing.
    func states(_ ids: [Int], on connection: PostgresConnection) async throws -> [Int: Current] {
        let rows = try await connection.query(
            "select id, state, sfid from \(raw: log) where id = any (\(ids)::int[])")
        var states: [Int: Current] = [:]
        for row in rows { states[try row["id"]] = Current(state: try row["state"], sfid: try row["sfid"]) }
        return states
    }

    /// The records of entries of an insert that Salesforce confirmed, and whose rows the database refused to
    /// write.
    func unlinked(_ ids: [Int], on connection: PostgresConnection) async throws -> [Int: String] {
        let rows = try await connection.query(
            """
            select id, sfid from \(raw: log)
            where id = any (\(ids)::int[]) and state = 'PENDING' and sfid is not null
            """)
        var records: [Int: String] = [:]
        for row in rows { records[try row["id"]] = try row["sfid"] }
        return records
    }

    /// Whether there are such entries.
    func hasUnlinked(on connection: PostgresConnection) async throws -> Bool {
        let rows = tables.values.map { table -> SQL in
            """
            select from \(raw: log) l join \(raw: name(table)) t on t.id = l.record_id
            where l.state = 'PENDING' and l.table_name = \(table.plan.table) and l.sfid is not null
              and t.sfid is null
            """
        }
        guard let first = rows.first else { return false }
        let all = rows.dropFirst().reduce(first) { "\($0) union all \($1)" as SQL }
        return try await connection.query("select exists (\(all))").scalar()
    }
}

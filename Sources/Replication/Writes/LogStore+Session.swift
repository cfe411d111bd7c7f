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

    /// Those of the entries that are updates of rows which Salesforce never had and which are deleted: there
    /// is nothing to send. The insert of such a row is not sent any more.
    func rowless(_ ids: [Int], on connection: PostgresConnection) async throws -> [LogEntry] {
        guard !ids.isEmpty else { return [] }
        let parts = tables.values.map { table -> SQL in
            """
            select l.id from \(raw: log) l
            where l.id = any (\(ids)::int[]) and l.table_name = \(table.plan.table) and l.state = 'NEW'
              and l.action = 'UPDATE' and l.sfid is null
              and not exists (select from \(raw: name(table)) t where t.id = l.record_id)
              and not exists (
                select from \(raw: log) i where i.record_id = l.record_id and i.table_name = l.table_name
                  and i.action = 'INSERT' and i.state in ('NEW', 'PENDING'))
            """
        }
        var found: [Int] = []
        for rows in try await connection.pipeline(parts) { found += try rows.column() as [Int] }
        return found.isEmpty ? [] : try await entries(found, on: connection)
    }

    private static let strandedReason =
        "Salesforce has no record of the row, and the row has no unique identifier: capture the row with "
        + "hc_capture_insert_from_row, or discard the change"

    /// Notes in waiting entries what they wait for. Returns how many did not say it before.
    func noteStranded(_ ids: [Int], on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            """
            update \(raw: log) set sf_message = \(Self.strandedReason)
            where id = any (\(ids)::int[]) and state = 'NEW'
              and sf_message is distinct from \(Self.strandedReason)
            """)
    }

    private static let unmappedReason =
        "no mapping has this table: import a mapping of its object, or discard the change"

    /// Notes in waiting entries that no mapping has their table. Returns how many did not say it before.
    ///
    /// - Parameter tables: the tables of all mappings.
    func noteUnmapped(without tables: [String], on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            """
            update \(raw: log) set sf_message = \(Self.unmappedReason)
            where state = 'NEW' and table_name <> all (\(tables)::text[])
              and sf_message is distinct from \(Self.unmappedReason)
            """)
    }

    /// Whether entries wait that `noteStranded` and `noteUnmapped` have noted.
    func noted(on connection: PostgresConnection) async throws -> (stranded: Bool, unmapped: Bool) {
        let rows = try await connection.query(
            """
            select coalesce(bool_or(sf_message = \(Self.strandedReason)), false) as stranded,
              coalesce(bool_or(sf_message = \(Self.unmappedReason)), false) as unmapped
            from \(raw: log) where state = 'NEW'
            """)
        guard let row = rows.first else { return (false, false) }
        return (try row["stranded"], try row["unmapped"])
    }
}

internal import Encoding
internal import FoundationEssentials
package import Postgres
internal import TenantSchema

/// What the cell knows about an attempt whose outcome is looked up.
struct SettlementStore: Sendable {
    let table: SyncedTable

    private var merge: MergeStore { MergeStore(table) }
    private var mappingID: UUID { table.mapping.id }

    /// Of these records those that belong to other rows than those of an attempt: a row has the record, or a
    /// change of a row was sent to it. A record that only arrived and went belongs to none.
    func known(
        _ sfids: [String], besides attempt: WriteAttempt, on connection: PostgresConnection
    ) async throws -> Set<String> {
        let inTable: [String] = try await connection.query(
            """
            select t.sfid from \(raw: merge.table) t
            where t.sfid = any (\(sfids)::text[]) and t.id <> all (\(attempt.recordIDs)::int[])
            """
        ).column()
        let others = Set(sfids).subtracting(inTable)
        guard !others.isEmpty else { return Set(inTable) }
        let gone: [String] = try await connection.query(
            """
            select l.sfid from (
              select sfid, table_name, record_id from \(raw: merge.log)
              union all select sfid, table_name, record_id from \(raw: merge.archive)) l
            where l.table_name = \(merge.name) and l.sfid = any (\(Array(others))::text[])
              and l.record_id <> all (\(attempt.recordIDs)::int[])
            """
        ).column()
        return Set(inTable).union(gone)
    }

    /// Records that events of other open attempts created.
    func createdByOthers(
        than attempt: UUID, on connection: PostgresConnection
    ) async throws -> Set<String> {
        Set(
            try await connection.query(
                """
                select h.sfid from multiconnect_sync.held_changes h
                join multiconnect_sync.write_attempts a on a.id = h.attempt_id and a.state <> 'settled'
                where h.mapping_id = \(mappingID) and h.attempt_id <> \(attempt)
                """
            ).column())
    }

    /// Whether other inserts of the mapping await their outcome that may have created records in this time.
    ///
    /// - Parameter includesOld: true for all of them. False leaves out those whose outcome should be known by
    ///   now: of two that wait for each other, none would end.
    func hasOpenInserts(
        besides attempt: WriteAttempt, until end: Date, includesOld: Bool, on connection: PostgresConnection
    ) async throws -> Bool {
        try await connection.query(
            """
            select exists (
              select from multiconnect_sync.write_attempts
              where organization_id = \(attempt.organizationID) and mapping_id = \(attempt.mappingID)
                and state in ('sent', 'doubtful') and action in ('insert', 'upsert')
                and id <> \(attempt.id) and sent_at <= \(end)
                and (\(includesOld)::boolean
                  or settle_at > clock_timestamp() - \(ReplicationLimits.othersWait)))
            """
        ).scalar()
    }

    /// The present records of these rows.
    func records(of rows: [Int], on connection: PostgresConnection) async throws -> [Int: String] {
        let found = try await connection.query(
            "select id, sfid from \(raw: merge.table) where id = any (\(rows)::int[]) and sfid is not null")
        var records: [Int: String] = [:]
        for row in found { records[try row["id"]] = try row["sfid"] }
        return records
    }
}

/// Entries about which a look-up decided nothing.
package struct InDoubtStore: Sendable {
    /// The type of the notification.
    package static let event = "writes_in_doubt"
    /// The code in `_hc_err`.
    package static let code = "IN_DOUBT"

    package init() {}

    /// Marks entries of an attempt in the caller's transaction, which has `xmlbinary` hex. They are never
    /// sent again by themselves.
    package func mark(
        _ entries: [Int], of attempt: WriteAttempt, in table: SyncedTable, on connection: PostgresConnection
    ) async throws {
        let rows = zip(attempt.logIDs, attempt.recordIDs).filter { entries.contains($0.0) }.map(\.1)
        try await WriteAttemptStore().undecide(
            attempt.id, entries, error: "the look-up did not decide", on: connection)
        try await connection.execute(
            """
            update \(raw: MergeStore(table).table) set _hc_lastop = 'FAILED', _hc_err = \(Self.problem.json)
            where id = any (\(rows)::int[])
            """)
    }

    private static let problem = WriteProblem(
        code,
        """
        no answer came to the request, and the org does not show whether it was carried out: \
        an operator decides with `multiconnect writes`
        """)

    /// The text of the notification after a restore of the cell.
    static func message(restored changes: Int, requests: Int, orgID: String) -> String {
        """
        the database was restored: \(changes) \(changes == 1 ? "change" : "changes") and \(requests) \
        \(requests == 1 ? "request" : "requests") may have reached Salesforce after the restored time. They \
        are not sent again by themselves. See: multiconnect writes list \(orgID) --in-doubt
        """
    }

    /// The text of the notification.
    package static func message(rows: Int, object: String, orgID: String) -> String {
        """
        \(rows) \(rows == 1 ? "row" : "rows") of \(object): no answer came, and the org does not show \
        whether the change was carried out. It is not sent again by itself. See: multiconnect writes list \
        \(orgID) --in-doubt
        """
    }
}

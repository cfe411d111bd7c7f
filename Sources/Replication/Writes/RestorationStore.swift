internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

/// Marks changes as in doubt after a restore of their cell.
struct RestorationStore: Sendable {
    let organization: UUID
    let schema: String

    static let eventReason =
        "the cell was restored: the event may have been published after the restored time"
    private static let reason = "the cell was restored: the change may have been sent after the restored time"

    private var log: String { "\(Identifier.quoted(schema))._trigger_log" }
    private var archive: String { "\(Identifier.quoted(schema))._trigger_log_archive" }

    /// In the caller's transaction, after the fence.
    ///
    /// - Parameters:
    ///   - time: the restored time. Changes that were made a little later count too, because it may not be
    ///     exact.
    ///   - tables: mappings and their tables.
    func mark(
        since time: Date, tables: [(mapping: UUID, table: String)], on connection: PostgresConnection
    ) async throws -> TenantRestoration.Report {
        try await connection.script("set local xmlbinary = 'hex'")
        var report = TenantRestoration.Report()
        // Looked up now, the outcome could be that of the first of two requests.
        report.attempts = try await connection.execute(
            """
            update multiconnect_sync.write_attempts set state = 'undecided', error = \(Self.reason),
                settle_at = clock_timestamp(), epoch = \(WriteAttempt.restoredEpoch)
            where organization_id = \(organization) and state in ('sent', 'doubtful')
            """)
        report.requeued = try await connection.execute(
            """
            update \(raw: archive) set state = 'FAILED', updated_at = now(), sf_message = \(Self.reason)
            where state = 'REQUEUE'
            """)
        let last = time.addingTimeInterval(ReplicationLimits.restoreMargin / .seconds(1))
        // A tenant of an earlier version may not have the table.
        if try await EventTables(schema: schema).exist(on: connection) {
            report.events = try await PlatformEventStore(schema: schema).failRestored(
                until: last, reason: Self.eventReason, on: connection)
        }
        // `sent_at` and `settle_at` enclose the time in which our user may have created the records. Records
        // of that time get no second row until a person has decided.
        let rows = try await connection.query(
            """
            with wanted as (
                select l.id, l.record_id, l.action, m.mapping
                from \(raw: log) as l
                join unnest(\(tables.map { $0.mapping })::uuid[], \(tables.map { $0.table })::text[])
                    as m (mapping, table_name) on m.table_name = l.table_name
                where l.state = 'NEW' and l.created_at <= \(last)
                for update of l
            ), claimed as (
                update \(raw: log) as l set state = 'PENDING', updated_at = clock_timestamp(),
                    sf_message = \(Self.reason)
                from wanted as w where l.id = w.id
            ), parts as (
                select *, (row_number() over (partition by mapping, action order by id) - 1)
                    / \(ReplicationLimits.restoredPerAttempt) as part
                from wanted
            )
            insert into multiconnect_sync.write_attempts
                (organization_id, mapping_id, action, method, epoch, state, log_ids, record_ids, sent_at,
                 settle_at, error)
            select \(organization), mapping, lower(action), 'collection', \(WriteAttempt.restoredEpoch),
                'undecided', array_agg(id order by id), array_agg(coalesce(record_id, 0) order by id),
                \(time), clock_timestamp(), \(Self.reason)
            from parts group by mapping, action, part
            returning cardinality(log_ids) as entries
            """)
        report.inDoubt = try rows.reduce(0) { try $0 + $1["entries", as: Int.self] }
        return report
    }
}

internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

/// Statements that remove a tenant's data.
struct TenantRemovalStore: Sendable {
    let organization: UUID

    /// In the control database.
    func runningJobs(on connection: PostgresConnection) async throws -> Int {
        try await connection.query(
            """
            select count(*) from multiconnect.jobs
            where organization_id = \(organization) and finished_at is null and state = 'running'
            """
        ).scalar()
    }

    /// Puts the changes that are not sent into FAILED. Returns how many.
    func refuseUnsent(schema: String, on connection: PostgresConnection) async throws -> Int {
        let logs = ["_trigger_log", "_trigger_log_archive"]
        var refused = 0
        for log in logs {
            let name = "\(Identifier.quoted(schema)).\(Identifier.quoted(log))"
            let exists: Bool = try await connection.query("select to_regclass(\(name)) is not null").scalar()
            guard exists else { continue }
            refused += try await connection.execute(
                """
                update \(raw: name) set state = 'FAILED', updated_at = clock_timestamp(),
                  processed_at = clock_timestamp(), sf_message = \(Self.refusal)
                where state in ('NEW', 'REQUEUE')
                """)
        }
        return refused
    }

    private static let refusal =
        "NOT_SENT: the tenant was removed before this change was sent. Retry or discard it."

    /// Drops the schema and the tenant's rows of the cell, in the caller's transaction. Fails soon if another
    /// session holds a lock on a table: the drop would block all readers behind it.
    ///
    /// - Parameter mappings: the tenant's mappings.
    func dropData(
        schema: String, mappings: [UUID], on connection: PostgresConnection
    ) async throws {
        try await connection.script(
            "set local lock_timeout = '\(ReplicationLimits.removalLockTimeout.milliseconds)ms'")
        try await connection.execute("drop schema if exists \(identifier: schema) cascade")
        var statements: [SQL] = [
            "delete from multiconnect_sync.recent_changes where mapping_id = any (\(mappings)::uuid[])",
            "delete from multiconnect_sync.running_reads where mapping_id = any (\(mappings)::uuid[])",
        ]
        statements += [
            "delete from multiconnect_sync.imports where organization_id = \(organization)",
            "delete from multiconnect_sync.quarantined_rows where organization_id = \(organization)",
            "delete from multiconnect_sync.nulled_cells where organization_id = \(organization)",
            "delete from multiconnect_sync.positions where organization_id = \(organization)",
            "delete from multiconnect_sync.synced_tables where organization_id = \(organization)",
            "delete from multiconnect_sync.stream_positions where organization_id = \(organization)",
            "delete from multiconnect_sync.stream_states where organization_id = \(organization)",
            "delete from multiconnect_sync.rereads where organization_id = \(organization)",
            "delete from multiconnect_sync.schema_checks where organization_id = \(organization)",
            "delete from multiconnect_sync.column_backfills where organization_id = \(organization)",
            "delete from multiconnect_sync.repairs where organization_id = \(organization)",
            "delete from multiconnect_sync.write_attempts where organization_id = \(organization)",
            "delete from multiconnect_sync.write_backlogs where organization_id = \(organization)",
            "delete from multiconnect_sync.held_changes where organization_id = \(organization)",
            "delete from multiconnect_sync.leases where organization_id = \(organization)",
        ]
        _ = try await connection.pipeline(statements)
    }
}

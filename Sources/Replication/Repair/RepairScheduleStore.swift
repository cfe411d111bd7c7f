internal import FoundationEssentials
internal import Organizations
internal import Postgres

/// When mappings are compared with their orgs, and the last results: columns of `mappings` in the control
/// database.
struct RepairScheduleStore: Sendable {
    /// Takes mappings whose repair is due, and sets their next time. The first one is spread over the
    /// interval by the mapping's id, so that the repairs of a worker's tenants do not run at the same time.
    func takeDueRepairs(
        every interval: Duration, limit: Int, on connection: PostgresConnection
    ) async throws -> [RepairJob] {
        try await jobs(
            try await connection.query(
                """
                with due as (
                    select m.id, c.organization_id from multiconnect.mappings m
                    join multiconnect.connections c on c.id = m.connection_id
                    join multiconnect.organizations o on o.id = c.organization_id
                    where \(Self.isRepairable) and coalesce(m.repair_due_at,
                        m.import_finished_at + \(interval)::interval * \(Self.share)) <= now()
                    order by coalesce(m.repair_due_at, m.import_finished_at) limit \(limit)
                    for update of m skip locked)
                update multiconnect.mappings m set repair_due_at = now() + \(interval)
                from due where m.id = due.id returning m.id, due.organization_id
                """), RepairJob.repairClass)
    }

    /// The same for refreshes of formula fields. A mapping can set its interval as `formula_refresh_seconds`.
    func takeDueRefreshes(
        every interval: Duration, limit: Int, on connection: PostgresConnection
    ) async throws -> [RepairJob] {
        let own: SQL = """
            coalesce(make_interval(secs => case when m.config->>'formula_refresh_seconds' ~ '^[0-9]{1,9}$'
                then greatest(
                  (m.config->>'formula_refresh_seconds')::int, \(RepairLimits.shortestFormulaSeconds))
                end), \(interval)::interval)
            """
        return try await jobs(
            try await connection.query(
                """
                with due as (
                    select m.id, c.organization_id, \(own) as pause from multiconnect.mappings m
                    join multiconnect.connections c on c.id = m.connection_id
                    join multiconnect.organizations o on o.id = c.organization_id
                    where \(Self.isRepairable) and coalesce(m.formulas_due_at,
                        m.import_finished_at + \(own) * \(Self.share)) <= now()
                    order by coalesce(m.formulas_due_at, m.import_finished_at) limit \(limit)
                    for update of m skip locked)
                update multiconnect.mappings m set formulas_due_at = now() + due.pause
                from due where m.id = due.id returning m.id, due.organization_id
                """), RepairJob.formulaClass)
    }

    private static let isRepairable: SQL = """
        m.import_finished_at is not null and m.paused_at is null
          and m.state not in ('INVALID', 'ERROR')
          and o.status = \(OrganizationStatus.live.rawValue)
        """

    /// A part of the interval from 0 to 1 by the mapping's id.
    private static let share: SQL =
        "(abs(hashtextextended(m.id::text, 0) % 10000)::double precision / 10000)"

    private func jobs(_ rows: Rows, _ className: String) async throws -> [RepairJob] {
        try rows.map {
            RepairJob(className: className, mapping: try $0["id"], organization: try $0["organization_id"])
        }
    }

    /// Stores the result of a repair.
    ///
    /// - Parameter isPolled: no change events feed the mapping, so that its next repair is due earlier.
    func record(
        _ result: RepairStore.Result, detail: String?, of mapping: UUID, isPolled: Bool,
        on connection: PostgresConnection
    ) async throws {
        let factor = isPolled ? RepairLimits.polledFactor : 1
        try await connection.execute(
            """
            update multiconnect.mappings set repaired_at = now(), repair_rows = \(result.rows),
              repair_differences = \(result.differences), repair_detail = \(detail),
              repair_due_at = now() + (repair_due_at - now()) / \(factor)::double precision,
              updated_at = now()
            where id = \(mapping)
            """)
    }

    /// Stores the result of a refresh of formula fields.
    func recordRefresh(
        differences: Int, of mapping: UUID, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect.mappings set formulas_refreshed_at = now(),
              formulas_differences = \(differences), updated_at = now()
            where id = \(mapping)
            """)
    }

    /// Stores why a repair failed. The last result stays.
    func recordFailure(_ reason: String, of mapping: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect.mappings set repair_detail = \(reason), updated_at = now()
            where id = \(mapping)
            """)
    }
}

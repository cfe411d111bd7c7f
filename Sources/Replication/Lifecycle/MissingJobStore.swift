internal import FoundationEssentials
internal import Organizations
internal import Postgres

/// Finds tenants that wait for a missing job: the job became dead but the tenant was not marked, or the job
/// was deleted.
struct MissingJobStore: Sendable {
    /// A step of a tenant without an open job.
    struct Step: Sendable, Equatable {
        var organization: UUID
        /// Nil for a step of the tenant as a whole.
        var mapping: UUID?
        /// The error of the step's last job. Nil without such a job.
        var lastError: String?
        /// True if the step's last job was given up.
        var isGivenUp: Bool
    }

    /// Mappings of importing and live tenants whose import is not finished, not in error and has no open job.
    func imports(on connection: PostgresConnection) async throws -> [Step] {
        let statuses = [OrganizationStatus.importing, .live].map(\.rawValue)
        return try await steps(
            """
            select c.organization_id, m.id as mapping_id, last.error_message, last.state
            from multiconnect.organizations o
            join multiconnect.connections c on c.organization_id = o.id
            join multiconnect.mappings m on m.connection_id = c.id
            left join lateral (
                select j.state, j.error_message from multiconnect.jobs j
                where j.organization_id = o.id and j.class = \(ImportJob.className)
                    and j.unique_key = \(ImportJob.keyPrefix)::text || m.id::text
                order by j.created_at desc limit 1) as last on true
            where o.status = any (\(statuses)) and m.import_finished_at is null
                and m.state not in (\(Mapping.State.invalid.rawValue), \(Mapping.State.error.rawValue))
                and not exists (
                    select from multiconnect.jobs j
                    where j.unique_key = \(ImportJob.keyPrefix)::text || m.id::text and j.finished_at is null)
            limit \(ReplicationLimits.recoveredRows)
            """, on: connection)
    }

    /// Tenants that are to be provisioned and have no open job for it.
    func provisionings(on connection: PostgresConnection) async throws -> [Step] {
        let statuses = [OrganizationStatus.authorized, .provisioning].map(\.rawValue)
        return try await steps(
            "where o.status = any (\(statuses))", of: OrganizationJob.provisionOrganization, on: connection)
    }

    /// Tenants whose imports have all ended and that have no open job to announce them.
    func announcements(on connection: PostgresConnection) async throws -> [Step] {
        try await steps(
            """
            where o.status = \(OrganizationStatus.importing.rawValue) and not exists (
                select from multiconnect.mappings m join multiconnect.connections c on c.id = m.connection_id
                where c.organization_id = o.id and m.import_finished_at is null
                    and m.state not in (\(Mapping.State.invalid.rawValue), \(Mapping.State.error.rawValue)))
            """, of: OrganizationJob.announceConnection, on: connection)
    }

    private func steps(
        _ condition: SQL, of className: String, on connection: PostgresConnection
    ) async throws -> [Step] {
        try await steps(
            """
            select o.id as organization_id, null::uuid as mapping_id, last.error_message, last.state
            from multiconnect.organizations o left join lateral (
                select j.state, j.error_message from multiconnect.jobs j
                where j.organization_id = o.id and j.class = \(className)
                order by j.created_at desc limit 1) as last on true
            \(condition) and not exists (
                select from multiconnect.jobs j
                where j.organization_id = o.id and j.class = \(className) and j.finished_at is null)
            limit \(ReplicationLimits.recoveredRows)
            """, on: connection)
    }

    private func steps(_ query: SQL, on connection: PostgresConnection) async throws -> [Step] {
        try await connection.query(query).map { row in
            let state: String? = try row["state"]
            return Step(
                organization: try row["organization_id"], mapping: try row["mapping_id"],
                lastError: try row["error_message"], isGivenUp: state == "dead" || state == "cancelled")
        }
    }
}

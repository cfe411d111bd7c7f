internal import FoundationEssentials
internal import Organizations
internal import Postgres

/// Finds tenants that wait for a job which is not there: it died while nobody could note it, or was removed.
struct MissingJobStore: Sendable {
    /// A step of a tenant without an open job.
    struct Step: Sendable, Equatable {
        var organization: UUID
        /// Nil for a step of the tenant as a whole.
        var mapping: UUID?
        /// What the last job of the step said; nil if there is no such job.
        var lastError: String?
        /// Whether the last job of the step was given up.
        var isGivenUp: Bool
    }

    /// Mappings of importing and live tenants whose import is neither finished nor given up nor under way.
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
                where j.organization_id = o.id and j.class = \(Importer.className)
                    and j.unique_key = \(Importer.keyPrefix)::text || m.id::text
                order by j.created_at desc limit 1) as last on true
            where o.status = any (\(statuses)) and m.import_finished_at is null
                and m.state not in (\(Mapping.State.invalid.rawValue), \(Mapping.State.error.rawValue))
                and not exists (
                    select from multiconnect.jobs j
                    where j.unique_key = \(Importer.keyPrefix)::text || m.id::text and j.finished_at is null)
            limit \(ReplicationLimits.recoveredRows)
            """, on: connection)
    }

    /// Tenants that consented and are not being provisioned.
    func provisionings(on connection: PostgresConnection) async throws -> [Step] {
        let statuses = [OrganizationStatus.authorized, .provisioning].map(\.rawValue)
        return try await steps(
            "where o.status = any (\(statuses))", of: OrganizationJob.provisionOrganization, on: connection)
    }

    /// Tenants whose imports are over and that nobody announces.
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

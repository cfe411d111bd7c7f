internal import FoundationEssentials
internal import Postgres

/// Takes a tenant from its lease holder, in the tenant's cell. A worker acquires it again if the control
/// database lists it as a tenant to hold.
struct TenantFenceStore: Sendable {
    let organization: UUID

    /// Waits for running transactions of the lease holder, in the caller's transaction. Every later one
    /// fails, and so does every step of an import that runs now.
    func close(on connection: PostgresConnection) async throws {
        try await connection.script(
            "set local lock_timeout = '\(ReplicationLimits.fenceLockTimeout.milliseconds)ms'")
        _ = try await connection.pipeline([
            """
            insert into multiconnect_sync.leases (organization_id, epoch) values (\(organization), 1)
            on conflict (organization_id) do update
            set holder = null, epoch = leases.epoch + 1, updated_at = now()
            """,
            """
            update multiconnect_sync.imports set claim = gen_random_uuid()
            where organization_id = \(organization) and state = 'open'
            """,
        ])
        try await connection.notify(LeaseStore.channel)
    }
}

import Activity
package import FoundationEssentials
import Organizations
package import Postgres
import Replication

/// Reads a tenant's page from the control database.
package struct TenantDetailStore: Sendable {
    package init() {}

    private var deadline: ContinuousClock.Instant { .now + TenantAdminLimits.statement }

    /// Nil if there is no tenant with this id.
    package func find(_ id: UUID, on connection: PostgresConnection) async throws -> TenantDetail? {
        guard let summary = try await TenantOverviewStore().find(id, on: connection) else { return nil }
        let usage = UsageStore(on: connection)
        return TenantDetail(
            summary: summary,
            mappings: try await MappingPauseStore().summaries(of: id, on: connection),
            grant: try await grant(of: id, on: connection),
            milestones: try await milestones(of: id, on: connection),
            notifications: try await NotificationStore(on: connection).open(
                organization: id, limit: TenantAdminLimits.notifications),
            usage: try await usage.latest(of: id),
            calls: try await usage.calls(
                of: id, since: .seconds(TenantAdminLimits.usageHours * 60 * 60)),
            activity: try await ActivityStore(on: connection, timeout: TenantAdminLimits.statement).list(
                organization: id, limit: TenantAdminLimits.activity))
    }

    private func grant(
        of id: UUID, on connection: PostgresConnection
    ) async throws -> TenantDetail.Grant? {
        try await connection.query(
            """
            select identity ->> 'username' as username, instance_url, revoked_at, refresh_refused_since
            from multiconnect.credentials where organization_id = \(id) and kind = 'refresh_token'
            """, deadline: deadline
        ).first.map { row in
            TenantDetail.Grant(
                username: try row["username"], instanceURL: try row["instance_url"],
                revokedAt: try row["revoked_at"], refusedSince: try row["refresh_refused_since"])
        }
    }

    private func milestones(
        of id: UUID, on connection: PostgresConnection
    ) async throws -> TenantDetail.Milestones {
        var milestones = TenantDetail.Milestones()
        let times = try await connection.query(
            """
            select c.announced_at, min(m.import_started_at) as started, max(m.import_finished_at) as finished
            from multiconnect.connections c left join multiconnect.mappings m on m.connection_id = c.id
            where c.organization_id = \(id) group by c.id
            """, deadline: deadline
        ).first
        milestones.announcedAt = try times?["announced_at"]
        milestones.importStartedAt = try times?["started"]
        milestones.importFinishedAt = try times?["finished"]
        milestones.mail = try await connection.query(
            """
            select recipient, created_at, sent_at, error from multiconnect.mails
            where organization_id = \(id) order by id desc limit 1
            """, deadline: deadline
        ).first.map { row in
            TenantDetail.Mail(
                recipient: try row["recipient"], createdAt: try row["created_at"],
                sentAt: try row["sent_at"], error: try row["error"])
        }
        return milestones
    }
}

import FoundationEssentials
import Postgres

/// The statements that remove what was kept long enough, a batch each: none holds its locks for long.
struct HistoryStore {
    /// A registration that nobody followed up.
    struct Expired: Sendable, Equatable {
        let orgID: String
        let registeredAt: Date
    }

    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// What was done, long ago.
    func pruneActivity(olderThan age: Duration) async throws -> Int {
        try await prune("multiconnect.activity", by: "created_at", olderThan: age)
    }

    /// Quotas of hours long ago. The last of each org stays: it is all that is known of it.
    func pruneUsage(olderThan age: Duration) async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect.api_usage as u using (
                select o.organization_id, o.hour from multiconnect.api_usage as o
                where o.hour < now() - \(age)
                    and exists (
                        select from multiconnect.api_usage as later
                        where later.organization_id = o.organization_id and later.hour > o.hour)
                limit \(OrganizationsLimits.pruneBatch) for update of o skip locked
            ) as old
            where u.organization_id = old.organization_id and u.hour = old.hour
            """)
    }

    /// Mails of long ago.
    func pruneMails(olderThan age: Duration) async throws -> Int {
        try await prune("multiconnect.mails", by: "created_at", olderThan: age)
    }

    /// Notifications that somebody acknowledged long ago; open ones stay.
    func pruneNotifications(olderThan age: Duration) async throws -> Int {
        try await prune("multiconnect.notifications", by: "acknowledged_at", olderThan: age)
    }

    private func prune(_ table: SQL, by time: SQL, olderThan age: Duration) async throws -> Int {
        try await connection.execute(
            """
            delete from \(table) where id in (
                select id from \(table) where \(time) < now() - \(age)
                limit \(OrganizationsLimits.pruneBatch) for update skip locked)
            """)
    }

    /// Removes registrations of long ago to which no admin ever consented, with all that hangs on them, and
    /// leaves a record of each. One that is still being worked on stays: an open job, a consent under way.
    func expireRegistrations(olderThan age: Duration) async throws -> [Expired] {
        let rows = try await connection.query(
            """
            with old as (
                select o.id, o.org_id, o.created_at from multiconnect.organizations as o
                where o.status = \(OrganizationStatus.registered.rawValue) and o.authorized_at is null
                    and greatest(o.created_at, o.updated_at) < now() - \(age)
                    and not exists (
                        select from multiconnect.jobs as j
                        where j.organization_id = o.id and j.finished_at is null)
                    and not exists (
                        select from multiconnect.consents as c
                        where c.organization_id = o.id and c.used_at is null and c.expires_at > now())
                    and not exists (
                        select from multiconnect.credentials as c where c.organization_id = o.id)
                order by o.created_at limit \(OrganizationsLimits.expireBatch) for update of o skip locked
            ), gone as (
                delete from multiconnect.organizations as o using old where o.id = old.id
                returning old.org_id, old.created_at
            ), noted as (
                insert into multiconnect.activity (actor, action, detail)
                select 'multiconnect', 'registration_expired', org_id from gone
            )
            select org_id, created_at from gone
            """)
        return try rows.map { Expired(orgID: try $0["org_id"], registeredAt: try $0["created_at"]) }
    }
}

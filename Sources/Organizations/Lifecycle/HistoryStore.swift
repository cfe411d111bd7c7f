import Activity
import FoundationEssentials
import Postgres

/// Statements that remove old rows. Each removes one batch, so that it holds its locks briefly.
struct HistoryStore {
    /// A registration without an admin's consent.
    struct Expired: Sendable, Equatable {
        let orgID: String
        let registeredAt: Date
    }

    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Removes old quotas except the last of each org; returns how many.
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

    /// Removes old counts of calls; returns how many.
    func pruneCalls(olderThan age: Duration) async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect.api_calls as c using (
                select organization_id, hour, kind, object from multiconnect.api_calls
                where hour < now() - \(age)
                limit \(OrganizationsLimits.pruneBatch) for update skip locked
            ) as old
            where c.organization_id = old.organization_id and c.hour = old.hour and c.kind = old.kind
                and c.object = old.object
            """)
    }

    /// Removes old mails; returns how many.
    func pruneMails(olderThan age: Duration) async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect.mails where id in (
                select id from multiconnect.mails where created_at < now() - \(age)
                limit \(OrganizationsLimits.pruneBatch) for update skip locked)
            """)
    }

    /// Removes old registrations that never got a consent, with all rows that refer to them, and records each
    /// in the activity. A registration with an open job or an open consent stays.
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
                \(ActivityStore.insertion(
                    of: "select null::uuid, 'multiconnect', 'registration_expired', org_id from gone"))
            )
            select org_id, created_at from gone
            """)
        return try rows.map { Expired(orgID: try $0["org_id"], registeredAt: try $0["created_at"]) }
    }
}

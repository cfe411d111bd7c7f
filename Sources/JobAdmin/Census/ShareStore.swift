import FoundationEssentials
import Jobs
import Postgres

/// A statement that counts running and queued jobs by tenant, in bounded time.
struct ShareStore: Sendable {
    let limits: JobsLimits

    /// The tenants with most running jobs, then those that have waited longest.
    func shares(limit: Int, on connection: PostgresConnection) async throws -> [TenantShare] {
        try await connection.query(
            within: limits.statement,
            """
            with running as (
                select j.organization_id, count(*) as count from multiconnect.jobs as j
                where \(JobListStore.place(of: .running)) group by 1
            ), part as materialized (
                select j.organization_id, j.run_at from multiconnect.jobs as j
                where \(JobListStore.place(of: .queued)) and j.state = 'queued'
                order by j.run_at, j.id limit \(limits.censusRows)
            ), queued as (
                select organization_id, count(*) as count, min(run_at) as oldest from part group by 1
            )
            select organization_id, coalesce(r.count, 0) as running, coalesce(q.count, 0) as queued, q.oldest
            from running r full join queued q using (organization_id)
            where organization_id is not null
            order by running desc, oldest, organization_id limit \(limit)
            """
        ).map { row in
            TenantShare(
                organizationID: try row["organization_id"], running: try row["running"],
                queued: try row["queued"], oldest: try row["oldest"])
        }
    }
}

package import FoundationEssentials
import Postgres

/// Something that was done to a job or to the queue, and by whom.
package struct JobActivity: Sendable, Equatable {
    /// Who: an operator's name.
    package let actor: String
    /// What: lower-case words joined by `.` and `_`, as `jobs.retry`.
    package let action: String
    /// The particulars.
    package let detail: String?
    /// When.
    package let createdAt: Date
}

/// The record of what operators did. Rows are only ever added; each is part of the transaction that does it.
struct JobActivityStore: Sendable {
    let limits: JobsLimits

    /// - Parameter organization: the tenant whose jobs it was about; left out when it is not one any more.
    func note(
        _ action: String, by actor: String, job: JobID? = nil, organization: UUID? = nil, detail: String?,
        on connection: PostgresConnection
    ) async throws {
        _ = try await connection.execute(
            within: limits.call,
            """
            insert into multiconnect.activity (organization_id, actor, action, detail, job_id)
            values ((select id from multiconnect.organizations where id = \(organization)::uuid),
                \(Self.short(actor)), \(action), \(detail), \(job?.text))
            """)
    }

    /// Notes what was done to many jobs, on each of them: of their tenants it says nothing, whose record would drown in
    /// it. Deleted ones have no record to look at.
    func note(
        _ action: JobAction, by actor: String, jobs: [ChangedJob], on connection: PostgresConnection
    ) async throws {
        guard action != .delete, !jobs.isEmpty else { return }
        _ = try await connection.execute(
            within: limits.call,
            """
            insert into multiconnect.activity (actor, action, detail, job_id)
            select \(Self.short(actor)), \("jobs.\(action.rawValue)"), n.detail, n.id
            from unnest(\(jobs.map(\.id.text))::text[], \(jobs.map(\.summary))::text[]) as n (id, detail)
            """)
    }

    /// What was done to one job, the oldest first.
    func about(_ job: JobID, on connection: PostgresConnection) async throws -> [JobActivity] {
        let rows = try await connection.query(
            within: limits.call,
            """
            select actor, action, detail, created_at from multiconnect.activity
            where job_id = \(job.text) order by id limit \(limits.shownRows)
            """)
        return try rows.map { row in
            JobActivity(
                actor: try row["actor"], action: try row["action"], detail: try row["detail"],
                createdAt: try row["created_at"])
        }
    }

    /// What the column takes.
    static func short(_ actor: String) -> String {
        let kept = actor.unicodeScalars.filter { $0.value != 0 }.prefix(200).map(Character.init)
        return kept.isEmpty ? "unknown" : String(kept)
    }
}

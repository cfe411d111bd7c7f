internal import Activity
package import FoundationEssentials
import Jobs
import Postgres

/// An action on a job or on the queue.
package struct JobActivity: Sendable, Equatable {
    /// The operator's name.
    package let actor: String
    /// The action: lower-case words joined by `.` and `_`, as in `jobs.retry`.
    package let action: String
    package let detail: String?
    package let createdAt: Date
}

/// Records of what operators did to jobs. Each is written in the transaction of its action.
struct JobActivityStore: Sendable {
    let limits: JobsLimits

    /// - Parameter organization: the tenant of the jobs; recorded only if it still exists.
    func note(
        _ action: String, by actor: String, job: JobID? = nil, organization: UUID? = nil, detail: String?,
        on connection: PostgresConnection
    ) async throws {
        try await store(connection).add(
            action, by: actor, organization: organization, job: job?.text, detail: detail)
    }

    /// Records an action on each of many jobs. The records do not name the tenants, because a bulk action
    /// would flood a tenant's records. Deleted jobs get no record, because their pages no longer exist.
    func note(
        _ action: JobAction, by actor: String, jobs: [ChangedJob], on connection: PostgresConnection
    ) async throws {
        guard action != .delete else { return }
        try await store(connection).add(
            "jobs.\(action.rawValue)", by: actor, jobs: jobs.map { ($0.id.text, $0.summary) })
    }

    /// The actions on a job, the oldest first.
    func about(_ job: JobID, on connection: PostgresConnection) async throws -> [JobActivity] {
        try await store(connection).list(job: job.text, limit: limits.shownRows).map {
            JobActivity(actor: $0.actor, action: $0.action, detail: $0.detail, createdAt: $0.createdAt)
        }
    }

    private func store(_ connection: PostgresConnection) -> ActivityStore {
        ActivityStore(on: connection, timeout: limits.statement)
    }
}

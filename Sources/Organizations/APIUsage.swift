package import FoundationEssentials
package import Postgres
package import Salesforce
internal import Synchronization

/// Collects what answers tell of orgs' quotas, so that one write tells the last of many.
package final class APIUsage: Sendable {
    private let latest = Mutex<[UUID: LimitInfo]>([:])

    package init() {}

    package func note(_ usage: LimitInfo, of organization: UUID) {
        latest.withLock { $0[organization] = usage }
    }

    /// Writes what was noted since the last time. Called every few seconds, and after a job.
    package func flush(to pool: PostgresPool) async throws {
        let noted = latest.withLock { latest in
            defer { latest = [:] }
            return latest
        }
        guard !noted.isEmpty else { return }
        try await pool.withConnection { connection in
            for (organization, usage) in noted {
                try await UsageStore(on: connection).record(usage, of: organization)
            }
        }
    }
}

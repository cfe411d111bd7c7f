package import FoundationEssentials
package import Postgres
package import Salesforce
internal import Synchronization

/// Collects the quotas that answers report, so that only the last of many is written.
package final class APIUsage: Sendable {
    private let latest = Mutex<[UUID: LimitInfo]>([:])

    package init() {}

    package func note(_ usage: LimitInfo, of organization: UUID) {
        latest.withLock { $0[organization] = usage }
    }

    /// Writes the values that were noted since the last flush. Called every few seconds, and after a job.
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

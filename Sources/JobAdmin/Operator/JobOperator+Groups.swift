import FoundationEssentials
package import Jobs
import Postgres

extension JobOperator {
    /// The number of jobs in each state that match the filter, whatever its states. States that the time did
    /// not suffice for are missing.
    package func counts(of filter: JobFilter, within time: Duration) async throws -> [JobState: JobCount] {
        let deadline = ContinuousClock.now + time
        var counts: [JobState: JobCount] = [:]
        for state in JobState.allCases {
            let left = deadline - .now
            guard left > .zero else { break }
            var one = filter
            one.states = [state]
            counts[state] = try await count(one, within: left)
        }
        return counts
    }

    /// Dead jobs and jobs that wait for a retry, by class and error, the newest ones of each.
    package func errors(_ filter: JobFilter) async throws -> JobErrorGroups {
        let states = [JobState.dead, .retry].filter { filter.states.isEmpty || filter.states.contains($0) }
        var groups: [JobErrorGroup] = []
        var isCutShort = false
        for state in states {
            let found = try await pool.withConnection {
                try await lists.errors(state, of: filter, rows: limits.censusRows, on: $0)
            }
            groups += found.groups
            isCutShort = isCutShort || found.isCutShort
        }
        groups.sort { ($1.count, $0.className) < ($0.count, $1.className) }
        return JobErrorGroups(groups: groups, isCutShort: isCutShort)
    }

    /// The tenants that use or wait for slots.
    package func tenantShares(limit: Int = 20) async throws -> [TenantShare] {
        try await pool.withConnection { try await ShareStore(limits: limits).shares(limit: limit, on: $0) }
    }

    /// The queues and classes that are known, also without present jobs: at most a minute old.
    package func knownNames() async throws -> KnownNames {
        if let known = cache.currentNames { return known }
        var known = try await pool.withConnection { try await KnownNamesStore(limits: limits).find(on: $0) }
        known.queues.insert(LaneName.defaultQueue)
        cache.keep(known)
        return known
    }
}

package import FoundationEssentials
package import Replication
import Postgres

// The counters of charts.
extension TenantOperator {
    /// The counts of all tenants together, the oldest first. Intervals without counts are missing.
    package func flows(
        _ span: FlowSpan, since start: Date
    ) async throws -> [FlowInterval<FlowCounts>] {
        try await control.withConnection { try await FlowStore().intervals(span, since: start, on: $0) }
    }

    /// The hours of some tenants, the oldest first. Hours without counts are missing.
    package func hours(
        of tenants: [UUID], since start: Date
    ) async throws -> [UUID: [FlowInterval<TenantFlow>]] {
        guard !tenants.isEmpty else { return [:] }
        return try await control.withConnection {
            try await FlowStore().hours(of: tenants, since: start, on: $0)
        }
    }
}

package import FoundationEssentials
package import Organizations
package import Replication
import Logging
import Postgres

// The counters of charts.
extension TenantOperator {
    /// The counts of all tenants together, the oldest first. Intervals without counts are missing.
    package func flows(
        _ span: FlowSpan, since start: Date
    ) async throws -> [FlowInterval<FlowCounts>] {
        try await control.withConnection { try await FlowStore().intervals(span, since: start, on: $0) }
    }

    /// How late the changes of some tenants arrive, in milliseconds. Tenants without recent changes are
    /// missing, and so are those of a cell that does not answer.
    package func lags(of tenants: [Organization]) async -> [UUID: Int] {
        let byCell = Dictionary(grouping: tenants, by: \.cell)
        return await lags(in: byCell.mapValues { $0.map(\.id) })
    }

    func largestLags() async -> [UUID: Int] {
        await lags(in: cells.mapValues { _ in nil })
    }

    private func lags(in tenants: [String: [UUID]?]) async -> [UUID: Int] {
        await withTaskGroup { group in
            for (cell, ids) in tenants {
                group.addTask {
                    do {
                        return try await withCell(named: cell, within: TenantAdminLimits.cellWait) {
                            try await TenantLagStore().lags(
                                of: ids, by: .now + TenantAdminLimits.cellWait, on: $0)
                        }
                    } catch {
                        logger.warning(
                            "could not read lags", metadata: ["cell": "\(cell)", "error": "\(error)"])
                        return [:]
                    }
                }
            }
            return await group.reduce(into: [:]) { $0.merge($1) { max($0, $1) } }
        }
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

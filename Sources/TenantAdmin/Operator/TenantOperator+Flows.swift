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

    /// How far some tenants are behind. Tenants that are not behind are missing. So are all tenants of a cell
    /// without an answer.
    package func traffic(of tenants: [Organization]) async -> [UUID: TenantTraffic] {
        let byCell = Dictionary(grouping: tenants, by: \.cell).mapValues { $0.map(\.id) }
        return await eachCell(byCell.keys) { cell, deadline, connection in
            try await TenantTrafficStore().traffic(of: byCell[cell] ?? [], by: deadline, on: connection)
        }
    }

    /// How many tenants each worker holds, by the worker's name. Those of a cell that does not answer are
    /// left out.
    package func heldTenants() async -> [String: Int] {
        await eachCell(cells.keys, combine: +) { _, deadline, connection in
            try await HeldTenantStore().counts(by: deadline, on: connection)
        }
    }

    /// The ranks for an order by what the cells know; none for another order.
    func ranks(for order: TenantOrder) async -> [UUID: Int] {
        guard [.lag, .writes].contains(order) else { return [:] }
        return await eachCell(cells.keys) { _, deadline, connection in
            try await TenantTrafficStore().ranks(for: order, by: deadline, on: connection)
        }
    }

    /// Merges what cells know of their tenants. A cell that does not answer is left out.
    private func eachCell<Key: Hashable & Sendable, Value: Sendable>(
        _ names: some Collection<String>, combine: (Value, Value) -> Value = { first, _ in first },
        _ read:
            @escaping @Sendable (
                String, ContinuousClock.Instant, PostgresConnection
            ) async throws -> [Key: Value]
    ) async -> [Key: Value] {
        await withTaskGroup(of: [Key: Value].self) { group in
            for name in names {
                group.addTask {
                    do {
                        return try await withCell(named: name, within: TenantAdminLimits.cellWait) {
                            try await read(name, .now + TenantAdminLimits.cellWait, $0)
                        }
                    } catch {
                        logger.warning(
                            "could not read cell", metadata: ["cell": "\(name)", "error": "\(error)"])
                        return [:]
                    }
                }
            }
            return await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: combine) }
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

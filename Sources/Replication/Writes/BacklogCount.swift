internal import FoundationEssentials
package import Jobs
internal import Logging
internal import Organizations
package import Postgres

/// The periodic job that counts the waiting changes of tenants that no worker writes for, such as paused
/// ones. For all others the lease holder counts.
package struct BacklogCount: Sendable {
    /// The job's class.
    package static let className = "CountBacklogs"
    package static let schedule = "every 2 minutes"

    /// The statuses of tenants whose users can make changes that nobody sends.
    static let statuses: [OrganizationStatus] = [.unauthorized, .failed, .paused]

    private let control: PostgresPool
    private let cells: [String: PostgresPool]

    /// - Parameter cells: pools of the loop on which the job runs.
    package init(control: PostgresPool, cells: [String: PostgresPool]) {
        self.control = control
        self.cells = cells
    }

    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(600), maximumAttempts: 1) { context in
            for (name, pool) in cells.sorted(by: { $0.key < $1.key }) {
                do {
                    try await count(in: name, pool) { try context.checkClaim() }
                } catch let error as PostgresError {
                    // The other cells are counted all the same.
                    context.logger.warning(
                        "could not count waiting changes", metadata: ["cell": "\(name)", "error": "\(error)"])
                }
            }
            return .done
        }
    }

    /// Counts for the tenants of one cell. `check` runs between batches; it ends the count by throwing.
    func count(in name: String, _ pool: PostgresPool, _ check: () throws -> Void) async throws {
        let limit = ReplicationLimits.backlogBatch
        let old = try await pool.withCellConnection {
            try await WriteBacklogStore().old(limit: limit, on: $0)
        }
        let places = try await control.withConnection {
            try await TenantPlaceStore().places(of: old, in: name, on: $0)
        }
        let known = Set(places.map(\.id))
        try await count(places, old.filter { !known.contains($0) }, pool)
        var last: UUID?
        while true {
            try check()
            let batch = try await control.withConnection { [last] in
                try await TenantPlaceStore().places(
                    Self.statuses, in: name, after: last, limit: limit, on: $0)
            }
            try await count(batch, [], pool)
            guard batch.count == limit else { return }
            last = batch.last?.id
        }
    }

    private func count(_ places: [TenantPlaceStore.Place], _ gone: [UUID], _ pool: PostgresPool) async throws
    {
        try await pool.withCellConnection { connection in
            let store = WriteBacklogStore()
            let ready = try await TenantPlaceStore().withLog(places.map(\.schema), on: connection)
            for place in places where ready.contains(place.schema) {
                try await store.count(of: place.id, schema: place.schema, on: connection)
            }
            try await store.remove(
                gone + places.filter { !ready.contains($0.schema) }.map(\.id), on: connection)
        }
    }
}

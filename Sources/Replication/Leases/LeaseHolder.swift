package import FoundationEssentials

/// A worker process that holds tenants. The same id is used in all cells.
package struct LeaseHolder: Sendable, Hashable {
    /// Random for each start of a worker.
    package let id: UUID
    /// The worker's name, as in the list of workers.
    package let worker: String

    package init(id: UUID = UUID(), worker: String) {
        self.id = id
        self.worker = worker
    }

    /// The `application_name` of the worker's sessions in cells. A takeover terminates the sessions with this
    /// name.
    package var applicationName: String { Self.applicationName(of: id) }

    static func applicationName(of id: UUID) -> String {
        "multiconnect worker \(id.uuidString.lowercased())"
    }
}

/// A holder's row in a cell.
package struct LeaseHolderStatus: Sendable, Equatable {
    package var id: UUID
    /// The worker's name.
    package var worker: String
    /// The advisory lock of its session.
    var lockKey: Int
    /// Whether a session holds its lock.
    package var isLocked: Bool
    /// Whether its lease has ended.
    package var isExpired: Bool
}

/// A tenant's lease as operators see it.
package struct HeldTenant: Sendable, Equatable {
    package var organizationID: UUID
    package var epoch: Int
    /// Nil for a free tenant.
    package var holder: UUID?
    package var weight: Int
    /// The last change of the holder.
    package var updatedAt: Date
    /// Seconds from the commit in Salesforce of the last applied change to its application. Nil if no change
    /// was applied within the last `LeaseStore.lagMinutes`.
    package var lag: Double?
}

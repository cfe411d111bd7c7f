package import FoundationEssentials
internal import Synchronization

/// Counts by tenant in this process, until they are added to the counters of charts.
package final class TenantTallies: Sendable {
    private let counts = Mutex<[UUID: TenantFlow]>([:])

    package init() {}

    func add(_ flow: TenantFlow, of organization: UUID) {
        guard !flow.isEmpty else { return }
        counts.withLock { $0[organization] = ($0[organization] ?? TenantFlow()) + flow }
    }

    /// Takes the counts since the last call.
    package func take() -> [UUID: TenantFlow] {
        counts.withLock { counts in
            defer { counts = [:] }
            return counts
        }
    }
}

package import Reactor
internal import Synchronization

/// The work for one tenant while its lease is held: reads changes and writes them. It runs until its task is
/// cancelled. If it throws or returns, it is called again after a pause.
package typealias TenantWork = @Sendable (TenantRun) async throws -> Void

/// One start of the work for a tenant, under one lease.
package final class TenantRun: Sendable {
    /// The lease. Each transaction of the run passes it to `LeaseStore.hold`.
    package let lease: TenantLease
    /// Set when the tenant's mappings changed: imported, paused, resumed, configured. Reset it before reading
    /// them.
    package let changes = Event()
    /// Wakes the writing of users' changes.
    package let writerNews = WriterNews()
    /// Wakes the publishing of platform events.
    package let eventNews = WriterNews()
    /// The share of a worker that the tenant takes.
    let weight: Int
    private let stopping = Event()

    init(lease: TenantLease, weight: Int) {
        self.lease = lease
        self.weight = weight
    }

    /// Asks the run to end.
    func stop() { stopping.set() }

    /// Runs `body` and cancels it at `stop`. Returns when it has ended.
    func untilStopped(_ body: @escaping @Sendable () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await body()
                self.stopping.set()
            }
            // Cancelled with the worker.
            try? await stopping.wait()
            group.cancelAll()
        }
    }
}

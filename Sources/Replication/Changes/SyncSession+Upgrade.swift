internal import Logging
internal import Reactor
internal import Synchronization

// The layout of the tenant's system tables.
extension SyncSession {
    /// Upgrades the tenant's system tables. A failure does not stop the reading: the next try comes later.
    func upgrade() async throws {
        let plans = try await SyncedTableCatalog(services.replication).tables(of: tenant).map(\.plan)
        do {
            if try await TenantUpgrade(tenant, cell).run(plans) {
                logger.info("tenant upgraded", metadata: ["schema": "\(tenant.schema)"])
            }
        } catch {
            try Task.checkCancellation()
            logger.warning("could not upgrade the tenant, trying later", metadata: ["error": "\(error)"])
            state.withLock { $0.due.set(.upgrade, at: .now + ReplicationLimits.upgradePause) }
        }
    }
}

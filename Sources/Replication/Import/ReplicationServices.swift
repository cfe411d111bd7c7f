package import Logging
package import Organizations
package import Postgres
internal import Reactor
internal import TenantSchema

/// The dependencies of the jobs of one loop. Pools and clients belong to that loop.
package struct ReplicationServices: Sendable {
    /// The control database.
    package var control: PostgresPool
    /// The pools of the cells, by name.
    package var cells: [String: PostgresPool]
    /// The clients of the tenants' orgs.
    package var sessions: OrgSessions
    package var settings: ReplicationSettings
    package var logger: Logger
    let plans: RecentPlans
    let imports: ImportTallies
    let gate: AsyncSemaphore

    /// - Parameters:
    ///   - plans: the value that all loops of a process share.
    ///   - imports: the value that all loops of a process share.
    package init(
        control: PostgresPool, cells: [String: PostgresPool], sessions: OrgSessions,
        settings: ReplicationSettings, plans: RecentPlans = RecentPlans(),
        imports: ImportTallies = ImportTallies(), logger: Logger
    ) {
        self.control = control
        self.cells = cells
        self.sessions = sessions
        self.settings = settings
        self.plans = plans
        self.imports = imports
        self.logger = logger
        gate = AsyncSemaphore(limit: settings.concurrentPages)
    }

    /// Reads the API calls that a mapping has used, if its settings have a maximum.
    func readCaps(of mapping: Mapping) async throws {
        guard mapping.configuration.maximumDailyCalls != nil else { return }
        try await CallCaps(control: control, sessions: sessions).refresh(
            [(mapping, nil)], of: mapping.organizationID)
    }

    /// The pool of a tenant's cell. Throws `.unknownCell`.
    func cell(of tenant: Tenant) throws(ReplicationError) -> PostgresPool {
        guard let pool = cells[tenant.cell] else {
            throw ReplicationError(
                .unknownCell,
                "the cell \(tenant.cell) is not configured: CELL_\(tenant.cell.uppercased())_URL is missing")
        }
        return pool
    }
}

package import FoundationEssentials
package import Logging
package import Postgres
internal import Reactor
package import Salesforce

/// What the handlers of one loop work with. Pools and clients are that loop's.
package struct ReplicationSite: Sendable {
    /// The control database.
    package var control: PostgresPool
    /// The pool of a cell by its name. Throws for a name that is not configured.
    package var cell: @Sendable (String) throws -> PostgresPool
    /// The API of an organization's org, under its stored grant.
    package var salesforce: @Sendable (UUID) async throws -> RESTClient
    package var settings: ReplicationSettings
    package var logger: Logger
    let gate: AsyncSemaphore

    package init(
        control: PostgresPool, cell: @escaping @Sendable (String) throws -> PostgresPool,
        salesforce: @escaping @Sendable (UUID) async throws -> RESTClient, settings: ReplicationSettings,
        logger: Logger
    ) {
        self.control = control
        self.cell = cell
        self.salesforce = salesforce
        self.settings = settings
        self.logger = logger
        gate = AsyncSemaphore(limit: settings.concurrentPages)
    }
}

/// What an operator chooses.
package struct ReplicationSettings: Sendable {
    /// The mappings that a new tenant gets.
    package var mappings: MappingFile
    /// The package's namespace; nil or empty if it has none.
    package var namespace: String?
    /// Records from which on an import is a Bulk job.
    package var bulkThreshold = ReplicationLimits.bulkThreshold
    /// Rows of a page where pages are read one after the other.
    package var bulkPageRows = ReplicationLimits.bulkPageRows
    /// Imports that a worker runs at once; nil: as many as it has slots.
    package var concurrentImports: Int?
    /// Pages that all imports of a loop load at the same time. Fewer than the cell's pool has connections, so that
    /// what a page needs meanwhile (a token, say) still gets one.
    package var concurrentPages = ReplicationLimits.concurrentPages
    /// Pages of one import that are loaded at the same time.
    package var parallelPages = ReplicationLimits.parallelPages
    /// How many rows of an import may fit no column.
    package var quarantineLimit = QuarantineLimit()
    /// How long one start of an import waits for its Bulk job before it gives its slot to another job.
    package var pollBudget = ReplicationLimits.pollBudget
    /// gzip spares the line; on a loopback it only costs time.
    package var compression = BulkQuery.Compression.gzip

    package init(mappings: MappingFile, namespace: String?) {
        self.mappings = mappings
        self.namespace = namespace
    }

    var resolver: NameResolver { NameResolver(namespace: namespace) }
}

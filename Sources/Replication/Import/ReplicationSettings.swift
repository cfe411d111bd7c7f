package import Salesforce
package import TenantSchema

/// The settings of provisioning and imports.
package struct ReplicationSettings: Sendable {
    /// The mappings of a new tenant.
    package var mappings: MappingFile
    /// The package's namespace. Nil or empty if it has none.
    package var namespace: String?
    /// The number of records from which an import uses a Bulk job.
    package var bulkThreshold = ReplicationLimits.bulkThreshold
    /// Rows of a page if pages are read one after the other.
    package var bulkPageRows = ReplicationLimits.bulkPageRows
    /// Imports that a worker runs at the same time. Nil: as many as it has slots.
    package var concurrentImports: Int?
    /// Pages that all imports of a loop load at the same time. Less than the connections of the cell's pool,
    /// so that short statements during a page still get a connection.
    package var concurrentPages = ReplicationLimits.concurrentPages
    /// Pages of one import that are loaded at the same time.
    package var parallelPages = ReplicationLimits.parallelPages
    /// The rows of an import that may be quarantined.
    package var quarantineLimit = QuarantineLimit()
    /// The time that one start of an import waits for its Bulk job before it gives its slot to another job.
    package var pollBudget = ReplicationLimits.pollBudget
    /// Compression of result pages. On the same machine gzip only costs processor time.
    package var compression = BulkQuery.Compression.gzip

    package init(mappings: MappingFile, namespace: String?) {
        self.mappings = mappings
        self.namespace = namespace
    }

    var resolver: NameResolver { NameResolver(namespace: namespace) }
}

package import FoundationEssentials
package import TenantSchema

/// A mapping of a tenant: its row in the control database.
package struct Mapping: Sendable, Equatable {
    /// Heroku Connect's names for a mapping's state.
    package enum State: String, Sendable, Hashable {
        /// Nothing imported yet.
        case initial = "INITIAL"
        case waitBulkLoad = "WAIT_BULK_LOAD"
        case loadingBulkJob = "LOADING_BULK_JOB"
        case resync = "RESYNC"
        case reloadTable = "RELOAD_TABLE"
        case schemaChanged = "SCHEMA_CHANGED"
        case pollingChanges = "POLLING_SF_CHANGES"
        case pollingBulk = "POLLING_SF_BULK"
        case pollingForDeletes = "POLLING_SF_FOR_DELETES"
        case waitBulkUpdate = "WAIT_BULK_UPDATE"
        case dataSynced = "DATA_SYNCED"
        /// Ours: the org has no such object, or it cannot be queried. Heroku Connect's own name is not known.
        case invalid = "INVALID"
        /// Ours: its import was given up. The row has the reason. Heroku Connect's own name is not known.
        case error = "ERROR"

        /// The text on Heroku Connect's dashboard.
        package var label: String {
            switch self {
            case .initial: "Creating"
            case .waitBulkLoad: "Waiting for bulk job"
            case .loadingBulkJob: "Loading bulk job"
            case .resync: "Loading new columns"
            case .reloadTable: "Reloading"
            case .schemaChanged: "Altering DB schema"
            case .pollingChanges: "Polling SF"
            case .pollingBulk: "Polling SF [bulk]"
            case .pollingForDeletes: "Polling SF [deletes]"
            case .waitBulkUpdate: "Waiting for bulk job"
            case .dataSynced: "OK"
            case .invalid: "Not syncable"
            case .error: "Error"
            }
        }
    }

    package var id: UUID
    package var organizationID: UUID
    package var connectionID: UUID
    /// The object's name in the mapping file.
    package var objectName: String
    package var configuration: MappingConfiguration
    package var state: State?
    /// True after its first import.
    package var isImported: Bool
    /// True if an operator paused it: its changes are not read, and it is not imported.
    package var isPaused: Bool
    /// Quarantined rows of the last import.
    package var quarantined: Int

    package init(
        id: UUID, organizationID: UUID, connectionID: UUID, objectName: String,
        configuration: MappingConfiguration, state: State?,
        isImported: Bool = false, isPaused: Bool = false, quarantined: Int = 0
    ) {
        self.id = id
        self.organizationID = organizationID
        self.connectionID = connectionID
        self.objectName = objectName
        self.configuration = configuration
        self.state = state
        self.isImported = isImported
        self.isPaused = isPaused
        self.quarantined = quarantined
    }
}

extension Mapping {
    /// The mapping that gets the table if another mapping has the same table: the imported one, or the first
    /// by name. Nil if this mapping gets it.
    func tableOwner(among mappings: [Mapping], _ resolver: NameResolver) -> Mapping? {
        guard !isImported else { return nil }
        let tables = resolver.tables(of: objectName)
        return mappings.first { other in
            other.id != id && (other.isImported || other.objectName < objectName)
                && !tables.isDisjoint(with: resolver.tables(of: other.objectName))
        }
    }
}

package import FoundationEssentials

/// A mapping of a tenant, as its row is.
package struct Mapping: Sendable, Equatable {
    /// Heroku Connect's names for what a mapping is doing.
    package enum State: String, Sendable, Hashable {
        /// Nothing imported yet.
        case initial = "INITIAL"
        case waitBulkLoad = "WAIT_BULK_LOAD"
        case loadingBulkJob = "LOADING_BULK_JOB"
        case dataSynced = "DATA_SYNCED"
        /// Ours: the org has no such object, or it cannot be queried. Heroku Connect's own name is not known.
        case invalid = "INVALID"
        /// Ours: its import was given up; the row has the reason. Heroku Connect's own name is not known.
        case error = "ERROR"

        /// What Heroku Connect's dashboard shows.
        package var label: String {
            switch self {
            case .initial: "Creating"
            case .waitBulkLoad: "Waiting for bulk job"
            case .loadingBulkJob: "Loading bulk job"
            case .dataSynced: "OK"
            case .invalid: "Not syncable"
            case .error: "Error"
            }
        }
    }

    package var id: UUID
    package var organizationID: UUID
    package var connectionID: UUID
    /// As the mapping file names it.
    package var objectName: String
    package var configuration: MappingConfiguration
    package var state: State?
    /// Whether its rows have been imported once.
    package var isImported: Bool
    /// Rows of the last import that no column took.
    package var quarantined: Int

    package init(
        id: UUID, organizationID: UUID, connectionID: UUID, objectName: String,
        configuration: MappingConfiguration, state: State?,
        isImported: Bool = false, quarantined: Int = 0
    ) {
        self.id = id
        self.organizationID = organizationID
        self.connectionID = connectionID
        self.objectName = objectName
        self.configuration = configuration
        self.state = state
        self.isImported = isImported
        self.quarantined = quarantined
    }
}

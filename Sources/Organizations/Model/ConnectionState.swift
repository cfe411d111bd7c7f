/// The state of a tenant's connection, with the names that Heroku Connect's API uses.
package enum ConnectionState: String, Sendable, CaseIterable, Hashable {
    case new = "NEW"
    case needAuthentication = "NEED_AUTHENTICATION"
    case idle = "IDLE"
    case pollingDatabaseChanges = "POLLING_DB_CHANGES"
    case paused = "PAUSED"
    case recovery = "RECOVERY"
    case importConfiguration = "IMPORT_CONFIGURATION"
    case systemError = "SYSTEM_ERROR"
    case databaseUnavailable = "DB_UNAVAILABLE"
    case tooManyRows = "TOO_MANY_ROWS"
    case unauthorized = "UNAUTHORIZED"
    case inactiveOrg = "INACTIVE_ORG"
    case busy = "BUSY"

    /// The label on Heroku Connect's dashboard.
    package var label: String {
        switch self {
        case .new: "New"
        case .needAuthentication: "Need authentication"
        case .idle: "OK"
        case .pollingDatabaseChanges: "Polling DB"
        case .paused: "Paused"
        case .recovery: "Re-enabling"
        case .importConfiguration: "Importing config"
        case .systemError: "Unexpected error"
        case .databaseUnavailable: "DB Unavailable"
        case .tooManyRows: "Overlimit"
        case .unauthorized: "SF Auth Failed"
        case .inactiveOrg: "Inactive org"
        case .busy: "Busy"
        }
    }
}

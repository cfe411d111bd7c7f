/// A cause for which a tenant's connection does not work although its org does.
package enum ConnectionTrouble: String, Sendable, Hashable {
    /// The database with the tenant's rows does not answer.
    case cell
    /// Tables of the tenant's schema are missing that the sync cannot work without.
    case tables
    /// The tenant's work fails again and again.
    case work

    /// The state of the connection meanwhile.
    package var state: ConnectionState {
        switch self {
        case .cell, .tables: .databaseUnavailable
        case .work: .systemError
        }
    }

    /// For operators.
    package var label: String {
        switch self {
        case .cell: "the cell does not answer"
        case .tables: "tables of the schema are missing"
        case .work: "the tenant's work fails"
        }
    }
}

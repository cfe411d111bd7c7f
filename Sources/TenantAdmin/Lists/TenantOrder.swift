/// The order of a list of tenants.
package enum TenantOrder: String, Sendable, CaseIterable {
    /// The most urgent first, then the latest change of status.
    case attention
    case name
    /// The newest registration first.
    case newest
    /// The oldest registration first.
    case oldest
    /// The most mappings in error and open notifications first.
    case errors
    /// The most rows first.
    case rows
    /// The tenants whose changes arrive latest first.
    case lag

    package var label: String {
        switch self {
        case .attention: "Needs attention first"
        case .name: "Name"
        case .newest: "Newest first"
        case .oldest: "Oldest first"
        case .errors: "Most errors first"
        case .rows: "Most rows first"
        case .lag: "Largest lag first"
        }
    }
}

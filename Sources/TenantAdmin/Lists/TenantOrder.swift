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
    /// The tenants with most changes that wait to be sent first.
    case writes
    /// The tenants that have had their status longest first.
    case wait

    package var label: String {
        switch self {
        case .attention: "Needs attention first"
        case .name: "Name"
        case .newest: "Newest first"
        case .oldest: "Oldest first"
        case .errors: "Most errors first"
        case .rows: "Most rows first"
        case .lag: "Largest lag first"
        case .writes: "Most waiting changes first"
        case .wait: "Longest in its status first"
        }
    }
}

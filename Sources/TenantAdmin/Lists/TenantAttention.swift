/// Why a tenant needs an operator, from the least to the most urgent.
package enum TenantAttention: Int, Sendable, CaseIterable {
    case nothing
    /// It has open notifications.
    case notified
    /// It has waited long for its admin, or for an import.
    case waiting
    /// A mapping is in error.
    case objects
    /// Salesforce no longer accepts the grant.
    case unauthorized
    /// The connection does not work.
    case connection
    /// A step failed permanently.
    case failed

    package var label: String? {
        switch self {
        case .nothing: nil
        case .notified: "open notifications"
        case .waiting: "waits long"
        case .objects: "objects in error"
        case .unauthorized: "no consent"
        case .connection: "connection does not work"
        case .failed: "failed"
        }
    }
}

/// How far the imports of a tenant have come, and what follows for the tenant: one object that cannot be imported
/// does not keep the others from being synced.
struct TenantProgress: Sendable, Equatable {
    /// One mapping.
    struct Entry: Sendable, Equatable {
        var objectName: String
        var state: Mapping.State?
        var lastError: String?
        var isImported: Bool

        /// Whether its import is still to come, or under way.
        var isUnfinished: Bool { !isImported && state != .invalid && state != .error }
    }

    /// What the tenant is.
    enum Verdict: Sendable, Equatable {
        case importing
        /// Nothing is left to import.
        case ready
        /// Not one object could be imported.
        case failed
    }

    var mappings: [Entry]

    var verdict: Verdict {
        if mappings.contains(where: \.isUnfinished) { return .importing }
        let isFailed = mappings.contains { !$0.isImported && $0.state == .error }
        return isFailed && !mappings.contains(where: \.isImported) ? .failed : .ready
    }

    /// What the last failures of imports were; nil if there are none. Stands with the tenant's status.
    var detail: String? {
        let failed = mappings.filter { !$0.isImported && $0.lastError != nil }
        guard let first = failed.first, let reason = first.lastError else { return nil }
        let begins = reason.hasPrefix("\(first.objectName):")
        let text = String((begins ? reason : "\(first.objectName): \(reason)").prefix(1_000))
        return failed.count == 1 ? text : "\(text) (and \(failed.count - 1) more)"
    }
}

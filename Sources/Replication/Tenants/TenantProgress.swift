/// The states of a tenant's imports, and what follows for the tenant. One object in error does not stop the
/// others.
struct TenantProgress: Sendable, Equatable {
    /// One mapping.
    struct Entry: Sendable, Equatable {
        var objectName: String
        var state: Mapping.State?
        var lastError: String?
        var isImported: Bool

        /// True if its import is waiting or running.
        var isUnfinished: Bool { !isImported && state != .invalid && state != .error }
    }

    /// The consequence for the tenant.
    enum Verdict: Sendable, Equatable {
        case importing
        /// Nothing is left to import.
        case ready
        /// No object could be imported.
        case failed
    }

    var mappings: [Entry]

    var verdict: Verdict {
        if mappings.contains(where: \.isUnfinished) { return .importing }
        let isFailed = mappings.contains { !$0.isImported && $0.state == .error }
        return isFailed && !mappings.contains(where: \.isImported) ? .failed : .ready
    }

    /// The last errors of imports, for the tenant's status. Nil if there are none.
    var detail: String? {
        let failed = mappings.filter { !$0.isImported && $0.lastError != nil }
        guard let first = failed.first, let reason = first.lastError else { return nil }
        let begins = reason.hasPrefix("\(first.objectName):")
        let text = String((begins ? reason : "\(first.objectName): \(reason)").prefix(1_000))
        return failed.count == 1 ? text : "\(text) (and \(failed.count - 1) more)"
    }
}

internal import FoundationEssentials

/// Decides how much of an org's schema a check reads. Every describe costs an API call.
struct SchemaCheckRule: Sendable, Equatable {
    /// Why the schema is checked.
    enum Occasion: Sendable, Equatable {
        /// The regular check.
        case scheduled
        /// Salesforce refused a field or an object, or an event has a new schema.
        case urgent
    }

    enum Step: Sendable, Equatable {
        /// Checked a short time ago.
        case nothing
        /// Ask whether anything changed since this time. If so, describe all mapped objects, else only the
        /// objects with pending changes.
        case ask(since: Date)
        /// Describe the objects now.
        case describe
    }

    /// - Parameters:
    ///   - checkedAt: the start of the last check of all objects; nil before the first one.
    ///   - urgentAt: the start of the last urgent check of some objects.
    ///   - now: our clock.
    static func step(_ occasion: Occasion, checkedAt: Date?, urgentAt: Date?, now: Date) -> Step {
        func isOld(_ time: Date?, _ interval: Duration) -> Bool {
            guard let time else { return true }
            let age = now.timeIntervalSince(time)
            // A clock that was set back must not stop the checks.
            return age < 0 || age >= Double(interval.components.seconds)
        }
        switch occasion {
        case .urgent:
            let interval = ReplicationLimits.urgentCheckInterval
            return isOld(checkedAt, interval) && isOld(urgentAt, interval) ? .describe : .nothing
        case .scheduled:
            guard let checkedAt else { return .describe }
            guard isOld(checkedAt, ReplicationLimits.schemaCheckInterval) else { return .nothing }
            return .ask(since: checkedAt - ReplicationLimits.clockMargin)
        }
    }
}

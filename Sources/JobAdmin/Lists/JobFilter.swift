package import FoundationEssentials
package import Jobs

/// A filter of jobs. All its conditions must hold.
package struct JobFilter: Sendable, Equatable {
    /// The states; empty: any.
    package var states: Set<JobState> = []
    /// The tenant.
    package var organizationID: UUID?
    /// The exact class.
    package var className: String?
    /// The exact queue.
    package var queue: String?
    /// A part of the error's class or text, in any case.
    package var error: String?
    /// A part of the arguments' JSON text, in any case.
    package var arguments: String?
    /// The earliest time; see `JobPosition`.
    package var since: Date?
    /// The time before which they are.
    package var until: Date?

    package init() {}

    /// The states to search. Done jobs have no error, so a search for errors skips them.
    package var wantedStates: [JobState] {
        JobState.allCases.filter { state in
            (states.isEmpty || states.contains(state)) && (error == nil || state != .done)
        }
    }

    /// Whether it has conditions besides states.
    package var isNarrow: Bool {
        var other = self
        other.states = []
        return other != JobFilter()
    }
}

extension JobFilter: CustomStringConvertible {
    /// The filter in words, for activity rows.
    package var description: String {
        var parts: [String] = []
        if !states.isEmpty {
            let names = JobState.allCases.filter(states.contains).map(\.rawValue)
            parts.append("state " + names.joined(separator: ","))
        }
        if let organizationID { parts.append("tenant \(organizationID.uuidString.lowercased())") }
        if let className { parts.append("class \(className)") }
        if let queue { parts.append("queue \(queue)") }
        if let error { parts.append("error \(error.debugDescription)") }
        if let arguments { parts.append("arguments \(arguments.debugDescription)") }
        if let since { parts.append("since \(since.formatted(.iso8601))") }
        if let until { parts.append("until \(until.formatted(.iso8601))") }
        return parts.isEmpty ? "all" : parts.joined(separator: ", ")
    }
}

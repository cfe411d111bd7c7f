package import FoundationEssentials

/// Which jobs an operator means. All that is set must hold.
package struct JobFilter: Sendable, Equatable {
    /// Their states; none means any.
    package var states: Set<JobState> = []
    /// Their tenant.
    package var organizationID: UUID?
    /// Their class, exactly.
    package var className: String?
    /// Their queue, exactly.
    package var queue: String?
    /// A part of their error's class or text, whatever its case.
    package var error: String?
    /// A part of their arguments' JSON text, whatever its case.
    package var arguments: String?
    /// Not before this time of theirs; see `JobPosition`.
    package var since: Date?
    /// Before this time of theirs.
    package var until: Date?

    package init() {}

    /// The states that are looked at. A job that ended well has no error: most jobs need no search for one.
    package var wantedStates: [JobState] {
        JobState.allCases.filter { state in
            (states.isEmpty || states.contains(state)) && (error == nil || state != .done)
        }
    }

    /// Whether it says anything but states.
    package var isNarrow: Bool {
        var other = self
        other.states = []
        return other != JobFilter()
    }
}

extension JobFilter: CustomStringConvertible {
    /// The filter in words, as the record of an operator's action holds it.
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

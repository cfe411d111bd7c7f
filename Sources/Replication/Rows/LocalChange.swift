package import FoundationEssentials

/// A user's change of a row: an entry of `_trigger_log` that Salesforce's values must respect.
package struct LocalChange: Sendable, Equatable {
    /// How far the change has come.
    package enum State: Sendable, Equatable {
        /// NEW or REQUEUE: not yet sent.
        case waiting
        /// PENDING: sent, without an answer yet.
        case sending
        /// SUCCESS or MERGED: Salesforce took it at this time.
        case sent(Date)
        /// FAILED: Salesforce refused it at this time.
        case failed(Date)
    }

    package var state: State
    /// The columns that the user changed. Empty for a deletion.
    package var columns: Set<String>
    /// True if the user deleted the row.
    package var isDeletion: Bool
    /// The attempts that sent it or a later change of the row. Their events have its value, or a newer one.
    package var attempts: Set<UUID>

    package init(
        _ state: State, columns: Set<String> = [], isDeletion: Bool = false, attempts: Set<UUID> = []
    ) {
        self.state = state
        self.columns = columns
        self.isDeletion = isDeletion
        self.attempts = attempts
    }

    /// The attempts among `sent` whose events a log entry of a row does not protect columns from.
    ///
    /// An earlier entry of the row was answered before the attempt was sent, or is part of it. Times would
    /// not show that, because our clock and Salesforce's differ. An entry that waits is sent later, also if
    /// its id is lower: a person has sent it again.
    ///
    /// - Parameter sent: the id of the row's entry in each attempt.
    package static func attempts(of entry: Int, state: String, in sent: [UUID: Int]) -> Set<UUID> {
        Set(
            sent.lazy.filter { _, last in
                entry == last || entry < last && ["PENDING", "SUCCESS", "MERGED", "FAILED"].contains(state)
            }.map(\.key))
    }

    /// The state of a log entry. Nil if the entry protects nothing, such as READONLY or IGNORE.
    ///
    /// - Parameter processedAt: when Salesforce answered.
    package static func state(_ text: String, processedAt: Date) -> State? {
        switch text {
        case "NEW", "REQUEUE": .waiting
        case "PENDING": .sending
        case "SUCCESS", "MERGED": .sent(processedAt)
        case "FAILED": .failed(processedAt)
        default: nil
        }
    }

    /// True if an entry in this state still protects values although events have arrived since it was sent:
    /// the row becomes SYNCED with the event of the last sent change, and later events are newer. Their times
    /// would not show that, because the answer may be late.
    ///
    /// - Parameter status: `_hc_lastop` of the row.
    static func awaitsEvent(_ state: String, status: String?) -> Bool {
        status != "SYNCED" || !["PENDING", "SUCCESS", "MERGED"].contains(state)
    }

    /// True if Salesforce took the change at a time that is not known exactly.
    var isInOpenOrder: Bool {
        switch state {
        case .sending, .sent: true
        case .waiting, .failed: false
        }
    }

    /// True if the local value stays although this change arrives.
    package func outlives(_ change: RecordChange, from source: ChangeSource) -> Bool {
        if source == .events, let attempt = change.attempt, attempts.contains(attempt) { return false }
        return switch (state, source) {
        case (.waiting, _), (.sending, _): true
        case (.sent(let time), .events): change.stamp < time
        case (.sent(let time), .read(let startedAt)): startedAt < time
        // A refused deletion brings the row back.
        case (.failed(let time), _): !isDeletion && change.stamp <= time
        }
    }
}

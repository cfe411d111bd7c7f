package import FoundationEssentials

/// A user's change of a row: an entry of `_trigger_log` that Salesforce's values must respect.
package struct LocalChange: Sendable, Equatable {
    /// How far the change has come.
    package enum State: Sendable, Equatable {
        /// NEW, PENDING or REQUEUE: not yet sent.
        case waiting
        /// SUCCESS: Salesforce took it at this time.
        case sent(Date)
        /// FAILED: Salesforce refused it at this time.
        case failed(Date)
    }

    package var state: State
    /// The columns that the user changed. Empty for a deletion.
    package var columns: Set<String>
    /// True if the user deleted the row.
    package var isDeletion: Bool

    package init(_ state: State, columns: Set<String> = [], isDeletion: Bool = false) {
        self.state = state
        self.columns = columns
        self.isDeletion = isDeletion
    }

    /// The state of a log entry. Nil if the entry protects nothing, such as READONLY or IGNORE.
    ///
    /// - Parameter processedAt: when Salesforce answered.
    package static func state(_ text: String, processedAt: Date) -> State? {
        switch text {
        case "NEW", "PENDING", "REQUEUE": .waiting
        case "SUCCESS": .sent(processedAt)
        case "FAILED": .failed(processedAt)
        default: nil
        }
    }

    /// True if the local value stays although this change arrives.
    package func outlives(_ change: RecordChange, from source: ChangeSource) -> Bool {
        switch (state, source) {
        case (.waiting, _): true
        case (.sent(let time), .events): change.stamp < time
        case (.sent(let time), .read(let startedAt)): startedAt < time
        // A refused deletion brings the row back.
        case (.failed(let time), _): !isDeletion && change.stamp <= time
        }
    }
}

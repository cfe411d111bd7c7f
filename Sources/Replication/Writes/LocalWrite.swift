package import FoundationEssentials

/// A user's change as operators see it: an entry of a tenant's log, with what became of it.
package struct LocalWrite: Sendable, Equatable {
    /// What becomes of a change.
    package enum Status: String, Sendable, Hashable, CaseIterable {
        /// It is not sent yet.
        case waiting
        /// It was sent, and the answer is awaited.
        case sending
        /// No answer came. Its outcome is looked up when the request can run no more.
        case doubtful
        /// The look-up did not say what happened: a person must decide.
        case inDoubt = "in-doubt"
        /// Refused. It waits for a person.
        case failed
        case written
        /// It needed no write, or was merged into another change.
        case ignored
    }

    /// In `_trigger_log`, also after it was archived.
    package var id: Int
    package var status: Status
    /// `NEW`, `SUCCESS` and so on.
    package var state: String
    /// `INSERT`, `UPDATE` or `DELETE`.
    package var action: String
    package var table: String
    /// The row's `id`.
    package var recordID: Int
    package var sfid: String?
    package var createdAt: Date
    package var processedAt: Date?
    /// Salesforce's answer, or what to do.
    package var message: String?
    /// `hstore` as text: the changed columns.
    package var values: String?
    /// `hstore` as text: the row before.
    package var old: String?
    /// When an unknown outcome is looked up.
    package var settleAt: Date?
}

/// Selects users' changes of a tenant.
package struct LocalWriteFilter: Sendable, Equatable {
    /// The table's name. Nil: all tables.
    package var table: String?
    /// Nil: all that are not written or ignored.
    package var status: LocalWrite.Status?
    package var ids: [Int]?
    /// Only changes with smaller ids, for the next part of a list.
    package var before: Int?
    package var limit = 100

    package init() {}
}

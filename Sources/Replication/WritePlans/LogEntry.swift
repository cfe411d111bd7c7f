package import FoundationEssentials

/// An entry of a tenant's `_trigger_log`: a user's change of one row.
package struct LogEntry: Sendable, Equatable {
    /// The statement that changed the row.
    package enum Action: String, Sendable, Hashable {
        case insert = "INSERT"
        case update = "UPDATE"
        case delete = "DELETE"

        /// The action of a request that sends it, if not by an upsert field.
        var attempted: WriteAttempt.Action {
            switch self {
            case .insert: .insert
            case .update: .update
            case .delete: .delete
            }
        }
    }

    package var id: Int
    package var action: Action
    /// The table's name in the tenant's schema, in lower case.
    package var table: String
    /// The row's `id`.
    package var recordID: Int
    /// The record, if the row had one when it was changed or has one now.
    package var sfid: String?
    /// Column to text, as the session of the application wrote it; nil is null. The whole row for an insert,
    /// changed columns for an update, empty for a deletion.
    package var values: [String: String?]
    /// The row before an update or a deletion.
    package var old: [String: String?]
    package var createdAt: Date

    package init(
        id: Int, action: Action, table: String, recordID: Int, sfid: String? = nil,
        values: [String: String?] = [:], old: [String: String?] = [:],
        createdAt: Date = Date(timeIntervalSince1970: 0)
    ) {
        self.id = id
        self.action = action
        self.table = table
        self.recordID = recordID
        self.sfid = sfid
        self.values = values
        self.old = old
        self.createdAt = createdAt
    }

    /// The row after an update, without the nulls that it had before.
    var row: [String: String?] { old.filter { $0.value != nil }.merging(values) { $1 } }
}

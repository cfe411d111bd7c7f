package import Encoding

/// A write of up to `SalesforceLimits.collectionRows` records of one object in one request. Each record
/// succeeds or fails by itself (`allOrNone` is false).
package struct RecordWrite: Sendable {
    /// What is done to the records.
    package enum Action: Sendable, Hashable {
        case insert
        /// Each record has the member `Id`.
        case update
        /// Matched by an External ID field, which each record has.
        case upsert(field: String)
        /// By `ids`.
        case delete
    }

    package var object: String
    package var action: Action
    /// Members by field name, without `attributes`. Empty for a deletion.
    package var records: [JSONText]
    /// The records to delete. Empty for other actions.
    package var ids: [String]
    package var options: WriteOptions

    package init(
        object: String, action: Action, records: [JSONText] = [], ids: [String] = [],
        options: WriteOptions = WriteOptions()
    ) {
        self.object = object
        self.action = action
        self.records = records
        self.ids = ids
        self.options = options
    }
}

/// Settings of writes.
package struct WriteOptions: Sendable, Equatable {
    /// Names the request in change events: the text after `client=`. Nil: the program's name.
    package var tag: String?
    /// Whether assignment rules for leads and cases run (`Sforce-Auto-Assign`).
    package var usesAssignmentRules = false
    /// Whether a record is saved although a duplicate rule with an alert finds it (`allowSave`).
    package var savesDuplicates = false

    package init(tag: String? = nil, usesAssignmentRules: Bool = false, savesDuplicates: Bool = false) {
        self.tag = tag
        self.usesAssignmentRules = usesAssignmentRules
        self.savesDuplicates = savesDuplicates
    }
}

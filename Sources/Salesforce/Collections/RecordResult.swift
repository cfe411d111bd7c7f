/// The result of one record of a write.
///
/// Source: REST API Developer Guide, "sObject Collections".
package struct RecordResult: Sendable, Equatable {
    /// The record's id of 18 characters; nil if the write failed.
    package var id: String?
    /// Of an upsert: true if the record is new. Nil for other writes.
    package var isCreated: Bool?
    /// Empty if the write succeeded.
    package var errors: [RecordError]

    package var isSuccess: Bool { errors.isEmpty }

    package init(id: String?, isCreated: Bool? = nil, errors: [RecordError] = []) {
        self.id = id
        self.isCreated = isCreated
        self.errors = errors
    }
}

/// Why Salesforce refused a record.
package struct RecordError: Sendable, Equatable {
    /// Salesforce's code, for example `REQUIRED_FIELD_MISSING`.
    package var code: String
    /// May quote the record's data.
    package var message: String
    /// API names.
    package var fields: [String]

    package init(code: String, message: String, fields: [String] = []) {
        self.code = code
        self.message = message
        self.fields = fields
    }
}

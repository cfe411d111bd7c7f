import Encoding

/// A record that a caller wants to write.
struct RecordRequest: Sendable {
    enum Operation: Sendable {
        case insert, update, delete, hardDelete
        /// By the field with this name.
        case upsert(String)
    }

    let object: String
    let operation: Operation
    /// The record of an update or delete, as the caller wrote it.
    var id = ""
    /// By field name, without `Id`.
    var values: [String: JSONValue] = [:]

    init(_ operation: Operation, _ object: String, id: String = "", values: [String: JSONValue] = [:]) {
        self.object = object
        self.operation = operation
        self.id = id
        self.values = values
    }
}

/// The result of one record of a write call.
struct RowOutcome: Sendable {
    var id: OrgRecordID?
    /// Nil if the record is refused.
    var write: RowWrite?
    var error: APIError?
    /// Nil unless it is an upsert.
    var isCreated: Bool?

    /// Refuses a record that was valid. Its id stays.
    mutating func refuse(_ error: APIError) {
        self.error = error
        write = nil
    }
}

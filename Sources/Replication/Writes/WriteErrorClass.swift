/// A class of errors of rows that Salesforce refuses. Salesforce has hundreds of status codes, and customers'
/// packages can add texts, so metrics count classes.
enum WriteErrorClass: String, CaseIterable {
    /// A value or a validation rule of the org.
    case validation
    case duplicate
    /// A user's rights on object, field or record.
    case access
    /// The record or a record that it refers to does not exist.
    case reference
    /// A trigger or a flow of the org.
    case automation
    /// Storage, API calls or another limit of the org.
    case limit
    /// Another transaction holds the record.
    case lock
    case other

    /// Source: SOAP API Developer Guide, "StatusCode".
    init(code: String) {
        self =
            switch code {
            case "UNABLE_TO_LOCK_ROW": .lock
            case _ where code.hasPrefix("DUPLICATE"): .duplicate
            case _ where code.contains("ACCESS"): .access
            case _ where code.hasPrefix("CANNOT_") || code.contains("APEX") || code.contains("TRIGGER"):
                .automation
            case _ where code.contains("LIMIT_EXCEEDED") || code.contains("TOO_MANY"): .limit
            case _ where Self.rights.contains(code): .access
            case _ where Self.references.contains(code): .reference
            case _ where Self.isOfValue(code): .validation
            default: .other
            }
    }

    private static let rights: Set<String> = [
        "INVALID_FIELD_FOR_INSERT_UPDATE", "FIELD_NOT_UPDATABLE", "TRANSFER_REQUIRES_READ",
    ]
    private static let references: Set<String> = [
        "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID", "INVALID_ID_FIELD", "NOT_FOUND",
        "DELETE_FAILED", "INVALID_CROSS_REFERENCE_TYPE_FOR_FIELD",
    ]

    private static func isOfValue(_ code: String) -> Bool {
        code.contains("VALIDATION") || code.contains("INVALID") || code.contains("REQUIRED")
            || code.contains("TOO_LONG") || code.contains("RANGE") || code.contains("INTEGRITY")
            || code.contains("PARSER") || code.contains("VALUE")
    }
}

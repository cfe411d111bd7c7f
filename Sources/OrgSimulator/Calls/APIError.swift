import Encoding

/// An error of the data APIs: a status and an array with one object. Documented and recorded.
struct APIError: Error, Hashable {
    let status: Int
    let code: String
    let message: String
    /// Nil leaves the key out. Only some codes have fields.
    var fields: [String]?

    init(_ status: Int, _ code: String, _ message: String, fields: [String]? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
    }

    /// Recorded.
    static let invalidSession = APIError(401, "INVALID_SESSION_ID", "Session expired or invalid")
    /// Documented and recorded.
    static let notFound = APIError(404, "NOT_FOUND", "The requested resource does not exist")
    /// Many reports; the status is documented.
    static let overLimit = APIError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    /// Assumed text.
    static let apiDisabled = APIError(
        403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")
    /// Assumed text.
    static let badLocator = APIError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    /// Assumed text.
    static let notJSON = APIError(
        400, "JSON_PARSER_ERROR", "Unexpected character in the body at [line:1, column:1]")

    /// Assumed text.
    static func notAllowed(_ method: String, allowed: String) -> APIError {
        APIError(405, "METHOD_NOT_ALLOWED", "HTTP Method '\(method)' not allowed. Allowed are \(allowed)")
    }

    /// Recorded.
    static let unknownRecord = APIError(
        404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields: [])

    /// Recorded.
    static let rolledBack = APIError(
        400, "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using AllOrNone header",
        fields: [])

    /// Many reports. The status is assumed.
    static func unableToLock(_ id: OrgRecordID) -> APIError {
        APIError(
            400, "UNABLE_TO_LOCK_ROW",
            "unable to obtain exclusive access to this record or 1 records: \(id.text18)", fields: [])
    }

    static func query(_ error: SOQLError, _ text: String) -> APIError {
        APIError(400, error.code.rawValue, error.message(for: text))
    }

    /// The response. Keys in the recorded order: the message first.
    var reply: Reply {
        var members: [(String, JSONText)] = [
            ("message", .string(message)), ("errorCode", .string(code)),
        ]
        if let fields { members.append(("fields", .array(fields.map(JSONText.string)))) }
        return .json(.array([.object(members)]), status: status)
    }
}

internal import Encoding

/// The text of `_hc_err`: why Salesforce refused a change of the row.
enum RowError {
    /// Salesforce has the record in the recycle bin. Source: SOAP API Developer Guide, "StatusCode".
    static let deletionCode = "ENTITY_IS_DELETED"

    static func isDeletion(_ text: String?) -> Bool {
        guard let text, let error = try? JSONValue(parsing: Array(text.utf8)) else { return false }
        return error["code"]?.string == deletionCode
    }
}

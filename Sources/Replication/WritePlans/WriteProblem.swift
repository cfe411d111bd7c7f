internal import Encoding

/// Why a row was not written: Salesforce's answer, or a value that Salesforce cannot take. It becomes
/// `_hc_err` of the row and `sf_message` of the entry.
package struct WriteProblem: Error, Sendable, Equatable {
    /// Salesforce's code, or ours in the same form.
    package var code: String
    /// May quote the row's data.
    package var message: String
    /// API names.
    package var fields: [String]

    package init(_ code: String, _ message: String, fields: [String] = []) {
        self.code = code
        self.message = message
        self.fields = fields
    }

    /// True if Salesforce has the record in the recycle bin.
    /// Source: SOAP API Developer Guide, "StatusCode".
    var isDeletion: Bool { code == Self.deletionCode }

    /// True if the text of `_hc_err` says so.
    static func isDeletion(_ rowError: String?) -> Bool {
        guard let rowError, let problem = try? JSONValue(parsing: Array(rowError.utf8)) else { return false }
        return problem["code"]?.string == deletionCode
    }

    private static let deletionCode = "ENTITY_IS_DELETED"
}

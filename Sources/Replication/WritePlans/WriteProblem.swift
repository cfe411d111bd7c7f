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
    var isDeletion: Bool { code == RowError.deletionCode }
}

import Salesforce

/// The rows of a tenant's table that an operator looks for. All conditions must hold.
package struct ExplorerFilter: Sendable, Equatable {
    /// The id of a record, 18 characters.
    package var sfid: String?
    /// The row's `id`.
    package var id: Int?
    /// The exact value of `_hc_lastop`.
    package var lastOperation: String?
    /// Only rows with an error.
    package var hasError = false
    /// The `id` of the last row of the page before.
    package var before: Int?

    package init() {}

    /// The filter in words, for activity rows.
    package var text: String {
        [
            sfid.map { "sfid \($0)" }, id.map { "id \($0)" }, lastOperation.map { "last op \($0)" },
            hasError ? "with an error" : nil, before.map { "before id \($0)" },
        ].compactMap(\.self).joined(separator: ", ")
    }

    /// The 18 characters of a record's id with 15 or 18; nil for another text.
    package static func sfid(_ text: String) -> String? { (try? SalesforceID(text))?.text }
}

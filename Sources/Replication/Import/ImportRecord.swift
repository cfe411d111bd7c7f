internal import FoundationEssentials
internal import Salesforce

/// The row of an import in the cell: its decisions, and the position from which a start resumes.
struct ImportRecord: Sendable, Equatable {
    enum Kind: String, Sendable {
        /// Fills an empty table.
        case initial = "import"
        /// Merges all rows into a table that has rows.
        case reload
    }

    enum Method: String, Sendable {
        case rest
        case bulk
    }

    /// How Bulk results are divided into pages.
    enum Paging: String, Sendable {
        case sequential
        case parallel
    }

    var id: UUID
    /// The token of the start that holds the import. Each step in the cell checks it.
    var claim: UUID
    var method: Method?
    /// Why the import does not use the method for this number of records. Nil if it uses it.
    var methodReason: String?
    var paging: Paging?
    var bulkJobID: SalesforceID?
    /// The API version that created the Bulk job. Its results must be read with the same version.
    var apiVersion: Int?
    var timeMark: Date
    var expectedRows: Int?
}

/// Sums over the loaded pages of an import.
struct ImportProgress: Sendable, Equatable, Codable {
    var rows = 0
    var quarantined = 0
    var pages = 0
    /// Rows of all pages, from Salesforce. Nil while it is unknown.
    var expectedRows: Int?
}

package import FoundationEssentials
internal import Salesforce

/// An import as its row in the cell is: what was decided, and what can be resumed.
struct ImportRecord: Sendable, Equatable {
    enum Method: String, Sendable {
        case rest
        case bulk
    }

    /// How Bulk results are cut into pages.
    enum Paging: String, Sendable {
        case sequential
        case parallel
    }

    var id: UUID
    /// The token of the start that holds the import: each step in the cell checks that it is still there.
    var claim: UUID
    var method: Method?
    /// Why the method is not the one that the number of records calls for.
    var methodReason: String?
    var paging: Paging?
    var bulkJobID: String?
    /// Results must be read with the version that the job was made with.
    var apiVersion: Int?
    var timeMark: Date
    var expectedRows: Int?
}

/// Where pages of an import stand.
struct ImportProgress: Sendable, Equatable, Codable {
    var rows = 0
    var quarantined = 0
    var pages = 0
    /// Of all pages together; nil until Salesforce has told it.
    var expectedRows: Int?
}

/// A finished import.
package struct ImportResult: Sendable, Equatable {
    package var rowsLoaded: Int
    package var rowsQuarantined: Int
    /// Changes from here on must still be read.
    package var timeMark: Date
}

package import FoundationEssentials

/// Rows of a tenant's table, with their state of synchronization.
package struct ExplorerRows: Sendable {
    /// The columns of `values`.
    package let columns: [String]
    package let rows: [Row]
    /// Where the next page begins; nil on the last page.
    package let next: Int?

    /// One row.
    package struct Row: Sendable, Equatable {
        package let id: Int
        package let sfid: String?
        package let lastOperation: String?
        package let error: String?
        /// Local changes of the row that Salesforce does not have, refused ones among them.
        package let waiting: Int
        /// The beginning of each value as text; nil for null.
        package let values: [String?]
    }
}

/// One row with all its columns, and its entries in the log.
package struct ExplorerRecord: Sendable {
    package let columns: [String]
    package let row: ExplorerRows.Row
    /// The newest first.
    package let entries: [Entry]

    /// A local change of the row.
    package struct Entry: Sendable, Equatable {
        package let id: Int
        package let action: String
        package let state: String
        package let createdAt: Date
        package let message: String?
        package let values: String?
    }
}

/// A row that a change of the org created, updated or deleted.
package struct RowEvent: Sendable, Equatable {
    /// The kind of change of the row.
    package enum Kind: String, Sendable {
        case created
        case updated
        case deleted
    }

    /// The table of the row.
    package struct Place: Sendable, Equatable {
        package var schema: String
        package var table: String
        package var object: String

        package init(schema: String, table: String, object: String) {
            self.schema = schema
            self.table = table
            self.object = object
        }
    }

    package var kind: Kind
    /// Nil if unknown.
    package var id: Int?
    package var sfid: String
    /// The columns that the change carried. The others did not change, except after a creation.
    package var columns: [String]

    package init(_ kind: Kind, id: Int?, sfid: String, columns: [String] = []) {
        self.kind = kind
        self.id = id
        self.sfid = sfid
        self.columns = columns
    }
}

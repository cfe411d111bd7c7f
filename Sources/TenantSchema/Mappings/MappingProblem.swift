package import Encoding

/// A part of a mapping that cannot be synced. The rest of the mapping is synced, unless the problem is fatal.
package struct MappingProblem: Sendable, Equatable {
    /// The kind of problem.
    package enum Kind: String, Sendable, Hashable {
        /// The org has no such object, or the user may not see it. Fatal.
        case unknownObject = "unknown_object"
        /// The object cannot be queried. Fatal.
        case notQueryable = "not_queryable"
        case unknownField = "unknown_field"
        /// A compound value, a file or another type without a column type.
        case unsupportedType = "unsupported_type"
        /// An index on a field that is not mapped.
        case unknownIndex = "unknown_index"
        /// An index on a field whose values can be longer than an index entry.
        case unsuitableIndex = "unsuitable_index"
        /// Rows with most fields filled do not fit into a page of Postgres.
        case wideRow = "wide_row"
        /// The unique identifier is not an External ID field.
        case unsuitableIdentifier = "unsuitable_identifier"
        /// Two fields would have the same column.
        case columnTaken = "column_taken"
        /// A column of the table that is not read at present.
        case pausedColumn = "paused_column"
    }

    package var kind: Kind
    /// The object or field, by its name in the mapping.
    package var name: String
    package var message: String

    package init(_ kind: Kind, name: String, message: String) {
        self.kind = kind
        self.name = name
        self.message = message
    }

    /// True if no part of the mapping can be synced.
    package var isFatal: Bool { kind == .unknownObject || kind == .notQueryable }

    package var json: JSONValue {
        .object(["kind": .string(kind.rawValue), "name": .string(name), "message": .string(message)])
    }
}

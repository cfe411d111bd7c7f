package import Encoding

/// Something in a mapping that the org does not allow. The rest of the mapping is synced.
package struct MappingProblem: Sendable, Equatable {
    /// What the org does not allow.
    package enum Kind: String, Sendable, Hashable {
        /// The org has no such object, or the user may not see it. Nothing of the mapping is synced.
        case unknownObject = "unknown_object"
        /// The object cannot be queried. Nothing of the mapping is synced.
        case notQueryable = "not_queryable"
        case unknownField = "unknown_field"
        /// Compound values, files and other types that no column holds.
        case unsupportedType = "unsupported_type"
        /// An index on a field that is not mapped.
        case unknownIndex = "unknown_index"
        /// An index on a field whose values can be longer than an index entry.
        case unsuitableIndex = "unsuitable_index"
        /// Rows with most fields filled do not fit into a page of Postgres.
        case wideRow = "wide_row"
        /// The unique identifier is no External ID.
        case unsuitableIdentifier = "unsuitable_identifier"
        /// Two fields would be the same column.
        case columnTaken = "column_taken"
    }

    package var kind: Kind
    /// The object or field, as the mapping names it.
    package var name: String
    package var message: String

    package init(_ kind: Kind, name: String, message: String) {
        self.kind = kind
        self.name = name
        self.message = message
    }

    /// Whether nothing of the mapping can be synced.
    package var isFatal: Bool { kind == .unknownObject || kind == .notQueryable }

    package var json: JSONValue {
        .object(["kind": .string(kind.rawValue), "name": .string(name), "message": .string(message)])
    }
}

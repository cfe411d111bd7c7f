/// A table or view of a tenant as clients of OData see it: the chosen columns whose types OData has.
package struct ODataTable: Sendable, Equatable {
    package let name: String
    package let columns: [ODataColumn]
    /// The names of the key's columns, in order. Never empty.
    package let key: [String]
    package let isWritable: Bool
    package let isView: Bool

    package init(
        name: String, columns: [ODataColumn], key: [String], isWritable: Bool, isView: Bool = false
    ) {
        self.name = name
        self.columns = columns
        self.key = key
        self.isWritable = isWritable
        self.isView = isView
    }

    package func column(_ name: String) -> ODataColumn? { columns.first { $0.name == name } }
}

/// A column of an `ODataTable`.
package struct ODataColumn: Sendable, Equatable {
    /// The types of Postgres that OData has.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case boolean = "bool"
        case int16 = "int2"
        case int32 = "int4"
        case int64 = "int8"
        case single = "float4"
        case double = "float8"
        case decimal = "numeric"
        case text
        case varchar
        case character = "bpchar"
        case date
        /// In UTC, as all times of Multiconnect's tables.
        case timestamp
        case zonedTimestamp = "timestamptz"
        case time
        case uuid
        case bytes = "bytea"

        package var isText: Bool { self == .text || self == .varchar || self == .character }
        package var isInteger: Bool { self == .int16 || self == .int32 || self == .int64 }
        package var isNumber: Bool { isInteger || self == .single || self == .double || self == .decimal }

        /// Whether a column of this kind can be part of a key: its values have one text, which fits a URL.
        package var isKey: Bool { isText || isInteger || self == .uuid }
    }

    package let name: String
    package let kind: Kind
    package let isNullable: Bool
    /// Characters of a text. Nil: unlimited.
    package let length: Int?
    /// Digits of a decimal. Nil: unlimited.
    package let precision: Int?
    /// Digits of a decimal after the point.
    package let scale: Int?
    /// Whether Multiconnect, Salesforce or Postgres sets its value.
    package let isReadOnly: Bool

    package init(
        _ name: String, _ kind: Kind, isNullable: Bool = true, length: Int? = nil, precision: Int? = nil,
        scale: Int? = nil, isReadOnly: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.isNullable = isNullable
        self.length = length
        self.precision = precision
        self.scale = scale
        self.isReadOnly = isReadOnly
    }
}

package import Salesforce

/// The Postgres type of a column: planned by the rules of Heroku Connect, or found in the catalog.
package enum ColumnType: Sendable, Equatable {
    case varchar(Int)
    case text
    case boolean
    case integer
    case bigint
    case doublePrecision
    case date
    case timestamp
    case time
    /// Planned for decimal numbers if the mapping asks for exact ones. Also replaces `bigint` when a value
    /// does not fit into it.
    case numeric
    /// Never planned: any other type of an existing column, with its name from the catalog.
    case other(String)

    /// The length of a multi-select picklist. Longer fields are long text areas.
    static let longestVarchar = 4_099

    /// The type for a field. Nil for compound values, files and other types without a column type.
    ///
    /// - Parameter isExact: decimal numbers become `numeric`, which keeps all digits.
    package init?(_ field: FieldDescribe, isExact: Bool = false) {
        switch field.type {
        case .id, .reference: self = .varchar(18)
        case .boolean: self = .boolean
        case .int: self = .integer
        case .long: self = .bigint
        case .double, .currency, .percent: self = isExact ? .numeric : .doublePrecision
        case .date: self = .date
        case .dateTime: self = .timestamp
        case .time: self = .time
        case .multiPicklist: self = .varchar(4_099)
        case .string, .textArea, .picklist, .comboBox, .phone, .email, .url, .encryptedString,
            FieldType(rawValue: "DataCategoryGroupReference"):
            self = (1...Self.longestVarchar).contains(field.length) ? .varchar(field.length) : .text
        case .anyType: self = .text
        default: return nil
        }
    }

    /// The type's name in DDL.
    package var sql: String {
        switch self {
        case .varchar(let length): "varchar(\(length))"
        case .text: "text"
        case .boolean: "boolean"
        case .integer: "integer"
        case .bigint: "bigint"
        case .doublePrecision: "double precision"
        case .date: "date"
        case .timestamp: "timestamp without time zone"
        case .time: "time without time zone"
        case .numeric: "numeric"
        case .other(let name): name
        }
    }

    /// The type with this name in the catalog (`format_type`).
    package init(catalog name: String) {
        let planned: [ColumnType] = [
            .text, .boolean, .integer, .bigint, .doublePrecision, .date, .timestamp, .time, .numeric,
        ]
        let prefix = "character varying("
        if let type = planned.first(where: { $0.sql == name }) {
            self = type
        } else if name.hasPrefix(prefix), let length = Int(name.dropFirst(prefix.count).dropLast()) {
            self = .varchar(length)
        } else {
            self = .other(name)
        }
    }

    /// The type with this name in DDL: the inverse of `sql`.
    init(sql name: String) {
        let prefix = "varchar("
        if name.hasPrefix(prefix), let length = Int(name.dropFirst(prefix.count).dropLast()) {
            self = .varchar(length)
        } else {
            self.init(catalog: name)
        }
    }

    /// An expression that casts the text in `column` to this type. It takes more spellings than the type's
    /// own input function: `100.0` for an integer, a timestamp for a date. It never rounds or cuts: `100.5`
    /// is refused.
    package func tolerantCast(of column: String) -> String {
        switch self {
        case .varchar, .text: column
        // A cast to character(n) would cut the text.
        case .other(let name) where name.hasPrefix("character"): column
        case .integer, .bigint:
            """
            (case when \(column) ~ '^[-+]?[0-9]+$' then \(column)
             when \(column)::pg_catalog.numeric = pg_catalog.trunc(\(column)::pg_catalog.numeric)
             then pg_catalog.trunc(\(column)::pg_catalog.numeric)::text else \(column) end)::\(sql)
            """
        case .date: "\(column)::timestamp without time zone::date"
        case .boolean, .doublePrecision, .timestamp, .time, .numeric, .other: "\(column)::\(sql)"
        }
    }

    /// An expression that is true if the text in `column` fits this type. If not, it is false or raises an
    /// error.
    package func fits(_ column: String) -> String {
        switch self {
        case .varchar(let length): "pg_catalog.char_length(\(column)) <= \(length)"
        case .text: "true"
        default: "(\(tolerantCast(of: column))) is not null"
        }
    }
}

// Widening: a value that is larger than the describe says must not lose its row.
extension ColumnType {
    /// An aggregate over the texts in `column`: the measure that `widened(by:)` takes. Nil for a type that is
    /// never widened.
    package func measure(_ column: String) -> String? {
        switch self {
        case .varchar:
            return "coalesce(max(pg_catalog.char_length(\(column))), 0)"
        case .integer, .bigint:
            let number = "\(column)::pg_catalog.numeric"
            // Salesforce has no values with longer exponents, and `numeric` does not take them.
            let isNumber = #"\#(column) ~ '^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]{1,3})?$'"#
            return """
                coalesce(max(case when not \(isNumber) then 0
                  when \(number) <> pg_catalog.trunc(\(number))
                    or \(number) not between \(Int64.min) and \(Int64.max) then 2
                  when \(number) not between \(Int32.min) and \(Int32.max) then 1
                  else 0 end), 0)
                """
        default: return nil
        }
    }

    /// The type that holds values of this `measure`. Nil if this type holds them.
    package func widened(by measure: Int) -> ColumnType? {
        switch self {
        case .varchar(let length): measure > length ? .text : nil
        case .integer: measure == 0 ? nil : measure == 1 ? .bigint : .doublePrecision
        // Not double precision: it would round values that the column may already hold.
        case .bigint: measure < 2 ? nil : .numeric
        default: nil
        }
    }

    /// True if `type` holds all values of this type and more.
    func isWidened(by type: ColumnType) -> Bool {
        switch (self, type) {
        case (.varchar, .text), (.integer, .bigint), (.integer, .doublePrecision), (.integer, .numeric),
            (.bigint, .numeric), (.doublePrecision, .numeric):
            true
        default: false
        }
    }

    /// True if values can be longer than a btree entry.
    var isLong: Bool { self == .text }

    /// True if a value may be longer than `TenantSchemaLimits.indexedBytes`. A character has at most four
    /// bytes.
    var mayExceedEntry: Bool {
        switch self {
        case .varchar(let length): 4 * length > TenantSchemaLimits.indexedBytes
        case .text, .numeric, .other: true
        case .boolean, .integer, .bigint, .doublePrecision, .date, .timestamp, .time: false
        }
    }

    /// Most bytes that a value takes in its row. TOAST moves a text out of the row only if it has more than
    /// 24 bytes with its length.
    var bytesInRow: Int {
        switch self {
        case .varchar(let length): min(1 + 4 * length, 24)
        case .text, .numeric, .other: 24
        case .boolean: 1
        case .integer, .date: 4
        case .bigint, .doublePrecision, .timestamp, .time: 8
        }
    }
}

// Drift: a field whose type has changed in the org.
extension ColumnType {
    /// What a column needs for a field that now has another type.
    enum Fit: Sendable, Equatable {
        /// Nothing: the column takes all values.
        case fits
        /// The column becomes this type, which keeps its values.
        case widens(ColumnType)
        /// The values are of another kind.
        case differs
    }

    /// Whether a column of this type takes the values of a field that is planned as `type`.
    func fit(for type: ColumnType) -> Fit {
        if self == type { return .fits }
        switch (self, type) {
        case (.varchar(let length), .varchar(let other)): return other > length ? .widens(type) : .fits
        case (.varchar, .text): return .widens(.text)
        case (.text, .varchar): return .fits
        // Somebody changed the column on purpose. Cells that do not fit are nulled.
        case (.other, _): return .fits
        case (.bigint, .doublePrecision), (.bigint, .numeric): return .widens(.numeric)
        case (.integer, .bigint), (.integer, .doublePrecision), (.integer, .numeric),
            (.doublePrecision, .numeric), (.date, .timestamp):
            return .widens(type)
        case (.bigint, .integer), (.doublePrecision, .integer), (.doublePrecision, .bigint),
            (.numeric, .integer),
            (.numeric, .bigint), (.numeric, .doublePrecision), (.timestamp, .date):
            return .fits
        default: return .differs
        }
    }
}

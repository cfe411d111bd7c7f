package import Salesforce

/// The Postgres type of a column, by the rules of Heroku Connect.
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

    /// Long text areas begin somewhere above 4,099 characters, the length of a multi-select picklist.
    static let longestVarchar = 4_099

    /// The type for a field; nil for compound values, files and whatever else no column holds.
    package init?(_ field: FieldDescribe) {
        switch field.type {
        case .id, .reference: self = .varchar(18)
        case .boolean: self = .boolean
        case .int: self = .integer
        case .long: self = .bigint
        case .double, .currency, .percent: self = .doublePrecision
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

    /// As it stands in DDL.
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
        }
    }

    /// An expression that turns the text in `column` into this type and takes more spellings than the type's own
    /// input does: `100.0` for an integer, a moment for a date. Nothing is rounded or cut: `100.5` is refused.
    func tolerantCast(of column: String) -> String {
        switch self {
        case .varchar, .text: column
        case .integer, .bigint:
            """
            (case when \(column) ~ '^[-+]?[0-9]+$' then \(column)
             when \(column)::pg_catalog.numeric = pg_catalog.trunc(\(column)::pg_catalog.numeric)
             then pg_catalog.trunc(\(column)::pg_catalog.numeric)::text else \(column) end)::\(sql)
            """
        case .date: "\(column)::timestamp without time zone::date"
        case .boolean, .doublePrecision, .timestamp, .time: "\(column)::\(sql)"
        }
    }
}

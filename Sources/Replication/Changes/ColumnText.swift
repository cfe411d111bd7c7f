internal import Encoding
internal import Salesforce
internal import TenantSchema

/// Values of JSON answers and events as texts that Postgres reads.
enum ColumnText {
    /// Nil for null and for empty text: Salesforce stores no empty strings.
    static func text(_ value: JSONValue, _ type: ColumnType) -> String? {
        switch value {
        case .null: nil
        case .bool(let flag): flag ? "true" : "false"
        case .number(let digits): digits
        case .string(let text): text.isEmpty ? nil : withoutNUL(text)
        // A multi-select picklist, as its field is written elsewhere.
        case .array(let elements) where elements.allSatisfy({ $0.string != nil }):
            elements.isEmpty ? nil : elements.compactMap(\.string).joined(separator: ";")
        case .array, .object: withoutNUL(value.serialized)
        }
    }

    /// Postgres stores no NUL characters in text.
    private static func withoutNUL(_ text: String) -> String {
        guard text.utf8.contains(0) else { return text }
        return String(text.unicodeScalars.filter { $0 != "\0" }.map(Character.init))
    }

    /// The value at a path such as `Account.Ext__c` of a row of a query; nil if the row lacks it.
    static func value(at source: String, of record: JSONValue) -> JSONValue? {
        var value = record
        for name in source.split(separator: ".") {
            if value.isNull { return .null }
            guard let member = value[String(name)] else { return nil }
            value = member
        }
        return value
    }
}

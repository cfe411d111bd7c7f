internal import Encoding
internal import Salesforce
internal import TenantSchema

/// Formats the texts of one column for one field, and refuses what the field cannot have. So no call is spent
/// on such a row, and Salesforce does not refuse the rows beside it: a value of a wrong type refuses a whole
/// request.
struct ValueRule: Sendable {
    /// Why a field cannot have a value.
    struct Refusal: Error, Equatable {
        /// Salesforce's code where it has one.
        var code: String
        var reason: String

        static func type(_ reason: String) -> Refusal {
            Refusal(code: "INVALID_TYPE_ON_FIELD_IN_RECORD", reason: reason)
        }
        static func number(_ reason: String) -> Refusal {
            Refusal(code: "NUMBER_OUTSIDE_VALID_RANGE", reason: reason)
        }
        static func date(_ reason: String) -> Refusal {
            Refusal(code: "DATE_OUTSIDE_VALID_RANGE", reason: reason)
        }
    }

    private enum Kind: Sendable {
        case boolean
        case whole(digits: Int, isLong: Bool)
        /// `precision` is 0 if the describe does not tell it.
        case decimal(precision: Int, scale: Int, isExact: Bool)
        case date
        case dateTime
        case time
        case id
        case options(length: Int)
        /// `length` is 0 if the describe does not tell it.
        case text(length: Int)
    }

    private let kind: Kind
    /// False for values that Salesforce masks or rewrites.
    let isComparable: Bool

    init(_ field: FieldDescribe, _ column: ColumnType) {
        isComparable =
            field.type != .encryptedString && !field.encrypted && !field.htmlFormatted
            && field.type != .anyType
        kind =
            switch field.type {
            case .boolean: .boolean
            case .int: .whole(digits: field.digits, isLong: false)
            case .long: .whole(digits: field.digits, isLong: true)
            case .double, .currency, .percent:
                .decimal(
                    precision: field.precision, scale: field.scale, isExact: column != .doublePrecision)
            case .date: .date
            case .dateTime: .dateTime
            case .time: .time
            case .id, .reference: .id
            case .multiPicklist: .options(length: field.length)
            default: .text(length: field.length)
            }
    }

    /// A checkbox has no null: Salesforce has false for it, and refuses JSON's null.
    var null: WriteValue {
        if case .boolean = kind { return .boolean(false) }
        return .null
    }

    func value(_ text: String) throws(Refusal) -> WriteValue {
        switch kind {
        case .boolean: return try Self.boolean(text)
        case .whole(let digits, let isLong): return try Self.whole(text, digits: digits, isLong: isLong)
        case .decimal(let precision, let scale, let isExact):
            return try Self.decimal(text, precision: precision, scale: scale, isExact: isExact)
        case .date: return .date(try Self.moment(text, "a date").days)
        case .dateTime: return .dateTime(try Self.moment(text, "a date and time").instant)
        case .time: return try Self.time(text)
        case .id: return text.isEmpty ? .null : .id(try Self.id(text))
        case .options(let length): return try Self.text(text, length).map(WriteValue.options) ?? .null
        case .text(let length): return try Self.text(text, length).map(WriteValue.text) ?? .null
        }
    }

    private static func boolean(_ text: String) throws(Refusal) -> WriteValue {
        switch text {
        case "t", "true": return .boolean(true)
        case "f", "false": return .boolean(false)
        default: throw .type("\(shown(text)) is not true or false")
        }
    }

    private static func whole(_ text: String, digits: Int, isLong: Bool) throws(Refusal) -> WriteValue {
        guard let number = DecimalNumber(text) else { throw .type("\(shown(text)) is not a number") }
        guard number.scale == 0 else { throw .number("\(shown(text)) is not a whole number") }
        guard digits == 0 || number.wholeDigits <= digits else {
            throw .number("\(shown(text)) has more than \(digits) digits")
        }
        guard number.wholeDigits < 20, let integer = Int(number.text),
            isLong || Int32(exactly: integer) != nil
        else { throw .number("\(shown(text)) is too large") }
        return .number(number.text)
    }

    private static func decimal(
        _ text: String, precision: Int, scale: Int, isExact: Bool
    ) throws(Refusal) -> WriteValue {
        guard var number = DecimalNumber(text) else {
            switch text {
            case "NaN", "Infinity", "-Infinity": throw .number("\(text) is not a number for Salesforce")
            default: throw .type("\(shown(text)) is not a number")
            }
        }
        guard precision > 0 else { return .number(number.text) }
        // The scale of the field is only how Salesforce shows the number: the API stores more digits.
        // Source: Salesforce Help 000387302 and 000212661 (up to 24).
        let limit = ReplicationLimits.decimalPlaces
        let stored = number.rounded(toScale: limit)
        guard stored == number || !isExact && !stored.digits.isEmpty else {
            throw .number("\(shown(text)) has more than \(limit) digits after the point")
        }
        number = stored
        guard number.wholeDigits <= precision - scale else {
            throw .number("\(shown(text)) has more than \(precision - scale) digits before the point")
        }
        return .number(number.text)
    }

    private static func moment(_ text: String, _ kind: String) throws(Refusal) -> ColumnInput.Moment {
        if text == "infinity" || text == "-infinity" { throw .date("\(text) is not \(kind) for Salesforce") }
        guard let moment = ColumnInput.moment(text) else { throw .type("\(shown(text)) is not \(kind)") }
        guard moment.isInRange else { throw .date("\(shown(text)) is not between the years 1700 and 4000") }
        return moment
    }

    private static func time(_ text: String) throws(Refusal) -> WriteValue {
        guard let time = ColumnInput.time(text[...]), (0...86_400_000).contains(time) else {
            throw .type("\(shown(text)) is not a time of day")
        }
        guard time < 86_400_000 else { throw .date("24:00:00 is not a time of day for Salesforce") }
        return .time(time)
    }

    static func id(_ text: String) throws(Refusal) -> String {
        do throws(SalesforceError) {
            return try SalesforceID(text).text
        } catch {
            throw Refusal(code: "MALFORMED_ID", reason: "\(shown(text)): \(error.message)")
        }
    }

    /// Nil for an empty text, which Salesforce stores as null.
    private static func text(_ text: String, _ length: Int) throws(Refusal) -> String? {
        // Salesforce counts UTF-16 units. A text has at most as many as it has bytes.
        guard length == 0 || text.utf8.count <= length || text.utf16.count <= length else {
            throw Refusal(
                code: "STRING_TOO_LONG",
                reason: "\(shown(text)) has \(text.utf16.count) characters, and the field takes \(length)")
        }
        return text.isEmpty ? nil : text
    }

    /// The beginning of a value, for messages.
    private static func shown(_ text: String) -> String {
        text.utf16.count > 40 ? "\"\(text.prefix(40))...\"" : "\"\(text)\""
    }
}

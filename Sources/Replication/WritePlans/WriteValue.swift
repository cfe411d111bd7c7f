package import Encoding
internal import Salesforce

/// A value that is sent to Salesforce.
package enum WriteValue: Sendable, Equatable {
    case null
    case text(String)
    /// Of a multi-select picklist, separated by `;`.
    case options(String)
    /// A decimal number in JSON's form.
    case number(String)
    case boolean(Bool)
    /// Days since 1970-01-01.
    case date(Int)
    /// Milliseconds since 1970-01-01T00:00:00Z.
    case dateTime(Int)
    /// Milliseconds since midnight.
    case time(Int)
    /// 18 characters.
    case id(String)

    package var json: JSONText {
        switch self {
        case .null: .null
        case .boolean(let flag): .bool(flag)
        case .number(let text): .raw(text)
        default: .string(csv)
        }
    }

    /// The cell of a Bulk job, without quotes. An empty cell would leave the field as it is.
    package var csv: String {
        switch self {
        case .null: return Self.nullCell
        case .text(let text), .options(let text), .number(let text), .id(let text): return text
        case .boolean(let flag): return flag ? "true" : "false"
        case .date(let days):
            var bytes: [UInt8] = []
            ISO8601.append(date: days, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        case .dateTime(let instant): return ISO8601.text(instant: instant, zone: "Z")
        case .time(let time):
            var bytes: [UInt8] = []
            ISO8601.append(time: time, to: &bytes)
            return String(decoding: bytes, as: UTF8.self) + "Z"
        }
    }

    /// The cell of a Bulk job that sets a field to null. Source: Bulk API 2.0 and Bulk API Developer Guide,
    /// "Prepare CSV Files".
    static let nullCell = "#N/A"
}

extension WriteValue {
    /// Whether Salesforce's value is the one that was sent, by what Salesforce stores: no empty text, no
    /// white space around a text, its own line ends, whole seconds, options in its own order.
    ///
    /// - Parameter answer: the value of a query or an event; nil if it is missing there, as null.
    package func equals(_ answer: JSONValue?) -> Bool {
        let answer = answer ?? .null
        switch self {
        case .null: return answer.isNull || answer.string?.isEmpty == true
        case .text(let text):
            let stored = Self.stored(text)
            return stored.isEmpty ? WriteValue.null.equals(answer) : stored == answer.string.map(Self.stored)
        case .options(let text): return Self.optionSet(text) == Self.options(of: answer)
        case .number(let text):
            guard let sent = DecimalNumber(text),
                let stored = Self.digits(of: answer).flatMap(DecimalNumber.init)
            else { return false }
            return sent.isNearly(stored)
        case .boolean(let flag): return answer.bool == flag
        case .date(let days): return answer.string.flatMap { ISO8601.date($0) } == days
        case .dateTime(let instant):
            return answer.string.flatMap { ISO8601.instant($0) }.map(Self.seconds) == Self.seconds(instant)
        case .time(let time):
            return answer.string.flatMap { ISO8601.instant("1970-01-01T" + $0) } == time
        case .id(let id):
            return answer.string.flatMap { try? SalesforceID($0).text } == id
        }
    }

    /// The text of a JSON number, or of a text that a number field's answer has in some places.
    private static func digits(of answer: JSONValue) -> String? {
        guard case .number(let digits) = answer else { return answer.string }
        return digits
    }

    private static func stored(_ text: String) -> String {
        let lines = text.utf8.contains(0x0D) ? text.replacing("\r\n", with: "\n") : text
        let isSpace: (Unicode.Scalar) -> Bool = { $0.properties.isWhitespace }
        guard
            lines.unicodeScalars.first.map(isSpace) == true
                || lines.unicodeScalars.last.map(isSpace) == true
        else { return lines }
        var scalars = lines.unicodeScalars[...]
        scalars = scalars.drop(while: isSpace)
        while let last = scalars.last, isSpace(last) { scalars.removeLast() }
        return String(scalars)
    }

    private static func optionSet(_ text: String) -> Set<Substring> {
        Set(text.split(separator: ";"))
    }

    private static func options(of answer: JSONValue) -> Set<Substring>? {
        if let list = answer.array { return Set(list.compactMap(\.string).map { $0[...] }) }
        return answer.string.map(optionSet)
    }

    /// Whole seconds, rounded down.
    private static func seconds(_ instant: Int) -> Int { (instant - ((instant % 1000) + 1000) % 1000) / 1000 }
}

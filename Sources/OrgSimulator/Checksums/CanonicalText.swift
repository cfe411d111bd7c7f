import Encoding

/// The text of a value for checksums. Postgres can produce the same text from its columns.
///
/// - boolean: `true` or `false` (`column::text`)
/// - int: decimal digits (`column::text`)
/// - double, currency, percent: the shortest digits that read back the same, as `float8out` writes them with
///   `extra_float_digits` at 1 or more (`column::text`)
/// - date: `YYYY-MM-DD` (`to_char(column, 'YYYY-MM-DD')`)
/// - time: `HH:MM:SS.mmm` (`to_char(column, 'HH24:MI:SS.MS')`)
/// - datetime: `YYYY-MM-DD HH:MM:SS.mmm` in UTC (`to_char(column, 'YYYY-MM-DD HH24:MI:SS.MS')`)
/// - everything else: the text without NUL characters, which Postgres cannot hold; ids with 18 characters
/// - null: no text
enum CanonicalText {
    static func text(_ value: FieldValue) -> String? {
        if value == .null { return nil }
        var bytes: [UInt8] = []
        append(value, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the text. For null it appends no bytes.
    static func append(_ value: FieldValue, to bytes: inout [UInt8]) {
        switch value {
        case .null: break
        case .boolean(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        case .integer(let number): NumberText.appendInteger(number, to: &bytes)
        case .number(let number): bytes.append(contentsOf: NumberText.postgres(number).utf8)
        case .text(let text):
            let start = bytes.count
            bytes.append(contentsOf: text.utf8)
            removeZeros(from: start, in: &bytes)
        case .id(let id): id.append(to: &bytes)
        case .date(let days): ISO8601.append(date: days, to: &bytes)
        case .time(let milliseconds): ISO8601.append(time: milliseconds, to: &bytes)
        case .instant(let milliseconds):
            ISO8601.append(instant: milliseconds, separator: 0x20, to: &bytes)
        }
    }

    /// Removes NUL characters from `start` to the end.
    static func removeZeros(from start: Int, in bytes: inout [UInt8]) {
        guard bytes[start...].contains(0) else { return }
        bytes.replaceSubrange(start..., with: bytes[start...].filter { $0 != 0 })
    }
}

import Encoding

extension FieldValue {
    /// Appends the value as a REST answer has it.
    /// - Parameter zone: of date-times: `+0000` in REST answers, `Z` in events. Documented.
    func appendJSON(to bytes: inout [UInt8], zone: StaticString = "+0000") {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .boolean(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        case .integer(let number): NumberText.appendInteger(number, to: &bytes)
        case .number(let number): NumberText.appendJava(number, to: &bytes)
        case .text(let text): JSONText.append(text, to: &bytes)
        case .id(let id):
            bytes.append(0x22)
            id.append(to: &bytes)
            bytes.append(0x22)
        case .date(let days):
            bytes.append(0x22)
            ISO8601.append(date: days, to: &bytes)
            bytes.append(0x22)
        case .time(let milliseconds):
            bytes.append(0x22)
            ISO8601.append(time: milliseconds, to: &bytes)
            // Assumed: times of day end in Z.
            bytes.append(contentsOf: [0x5A, 0x22])
        case .instant(let milliseconds):
            bytes.append(0x22)
            ISO8601.append(instant: milliseconds, to: &bytes)
            bytes.append(contentsOf: zone.description.utf8)
            bytes.append(0x22)
        }
    }
}

internal import HTTPWire

/// One line of the access log.
struct AccessRecord {
    let method: String
    let path: String
    let query: String?
    let status: Int
    let bytes: Int
    let duration: Duration
    let client: String
    let requestID: String
    let fields: [(name: String, value: String)]

    /// Appends the record in logfmt. Only the names of the query's fields are logged: values may be codes and
    /// tokens.
    func append(to line: inout [UInt8]) {
        line.append(text: "method=")
        line.append(text: method)
        line.append(text: " path=")
        Self.append(quoted: query.map { path + Self.names($0) } ?? path, to: &line)
        line.append(text: " status=")
        line.append(decimal: status)
        line.append(text: " bytes=")
        line.append(decimal: bytes)
        line.append(text: " ms=")
        append(duration, to: &line)
        line.append(text: " client=")
        Self.append(quoted: client, to: &line)
        line.append(text: " request_id=")
        Self.append(quoted: requestID, to: &line)
        for (name, value) in fields {
            line.append(0x20)
            line.append(text: name)
            line.append(0x3D)
            Self.append(quoted: value, to: &line)
        }
    }

    private static func names(_ query: String) -> String {
        guard !query.isEmpty else { return "" }
        let names = query.split(separator: "&").map { $0.prefix { $0 != "=" } }
        return "?" + names.joined(separator: "&")
    }

    /// Milliseconds with three decimals.
    private func append(_ duration: Duration, to line: inout [UInt8]) {
        let (seconds, attoseconds) = duration.components
        let microseconds = Int(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
        line.append(decimal: microseconds / 1000)
        line.append(0x2E)
        let rest = microseconds % 1000
        if rest < 100 { line.append(0x30) }
        if rest < 10 { line.append(0x30) }
        line.append(decimal: rest)
    }

    private static func isPlain(_ bytes: Span<UInt8>) -> Bool {
        for index in bytes.indices {
            let byte = bytes[index]
            guard byte > 0x20, byte != 0x22, byte != 0x3D, byte != 0x5C, byte < 0x7F else { return false }
        }
        return !bytes.isEmpty
    }

    /// Quotes values that logfmt would misread. Control characters become spaces, so that a record stays one
    /// line.
    private static func append(quoted value: String, to line: inout [UInt8]) {
        if isPlain(value.utf8.span) {
            line.append(text: value)
            return
        }
        line.append(0x22)
        for byte in value.utf8 {
            if byte == 0x22 || byte == 0x5C { line.append(0x5C) }
            line.append(byte < 0x20 || byte == 0x7F ? 0x20 : byte)
        }
        line.append(0x22)
    }
}

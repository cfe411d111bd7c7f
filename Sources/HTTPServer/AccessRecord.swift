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

    /// The line in logfmt. Of the query only the names stand in it: values may be codes and tokens.
    var line: String {
        var line = "method=\(method) path=\(Self.quoted(path + names)) status=\(status) bytes=\(bytes)"
        line += " ms=\(milliseconds) client=\(Self.quoted(client)) request_id=\(Self.quoted(requestID))"
        for (name, value) in fields { line += " \(name)=\(Self.quoted(value))" }
        return line
    }

    private var names: String {
        guard let query, !query.isEmpty else { return "" }
        let names = query.split(separator: "&").map { $0.prefix { $0 != "=" } }
        return "?" + names.joined(separator: "&")
    }

    private var milliseconds: String {
        let (seconds, attoseconds) = duration.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        let rest = String(microseconds % 1000)
        return "\(microseconds / 1000)." + String(repeating: "0", count: 3 - rest.utf8.count) + rest
    }

    /// Quotes what logfmt would misread; control characters become spaces so that a line stays a line.
    private static func quoted(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy {
            $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x5C && $0 < 0x7F
        }
        if isPlain, !value.isEmpty { return value }
        var quoted = "\""
        for scalar in value.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
        }
        return quoted + "\""
    }
}

internal import Encoding
internal import Salesforce

/// Turns rows of a REST query into the CSV of a page of Bulk results.
struct RESTRows {
    /// The selected fields, as `Name` or `Account.External_Id__c`.
    private let paths: [[String]]
    /// NUL characters removed so far.
    private(set) var removed = 0

    init(sources: [String]) {
        paths = sources.map { $0.split(separator: ".").map(String.init) }
    }

    /// The header line.
    var header: [UInt8] {
        Array(paths.map { $0.joined(separator: ".") }.joined(separator: ",").utf8) + [UInt8(ascii: "\n")]
    }

    /// One line of CSV with its newline. Throws `.malformedResponse` for a row without a selected field.
    mutating func line(_ record: JSONValue) throws(ReplicationError) -> [UInt8] {
        var line: [UInt8] = []
        for (index, path) in paths.enumerated() {
            if index > 0 { line.append(UInt8(ascii: ",")) }
            var value = record
            for name in path {
                if value.isNull { break }
                guard let member = value[name] else {
                    throw ReplicationError(.malformedResponse, "a row has no \(path.joined(separator: "."))")
                }
                value = member
            }
            append(value, to: &line)
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private mutating func append(_ value: JSONValue, to line: inout [UInt8]) {
        switch value {
        case .null: return
        case .bool(let flag): line += Array((flag ? "true" : "false").utf8)
        case .number(let digits): line += Array(digits.utf8)
        case .string(let text): appendQuoted(text, to: &line)
        // No column is planned for a compound value. If one comes, a text column can hold it.
        case .array, .object: appendQuoted(value.serialized, to: &line)
        }
    }

    private mutating func appendQuoted(_ text: String, to line: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        line.append(quote)
        for byte in text.utf8 {
            if byte == 0 {
                removed += 1
                continue
            }
            if byte == quote { line.append(quote) }
            line.append(byte)
        }
        line.append(quote)
    }
}

import Encoding

/// The CSV data of a Bulk job that writes. Documented: "Bulk API 2.0, CSV Data Requirements".
struct IngestTable: Sendable {
    /// The header line as it was sent, without its line end.
    let header: [UInt8]
    /// The names in the header line.
    let names: [String]
    private(set) var rows: [[String]] = []

    /// - Throws: the reason why the job fails.
    init(_ bytes: [UInt8], delimiter: UInt8, lineEnding: String, limits: SimulatorLimits) throws(APIError) {
        var reader = Reader(bytes: bytes, delimiter: delimiter, lineEnding: lineEnding, limits: limits)
        names = try reader.record() ?? []
        header = Array(bytes[..<reader.recordEnd])
        guard header.count <= limits.ingestValueCharacters else {
            throw Self.invalid("Header line is too long")
        }
        while let row = try reader.record() {
            guard row.count == names.count else {
                throw Self.invalid("Row \(rows.count + 1) has \(row.count) values, not \(names.count)")
            }
            rows.append(row)
        }
    }

    /// Texts after many reports.
    static func invalid(_ reason: String) -> APIError {
        APIError(400, "INVALIDBATCH", "InvalidBatch : \(reason)")
    }

    /// The request of a row: an empty value is ignored, and `#N/A` is null. Documented.
    /// - Parameter keepsID: `Id` is a value, not the record to change.
    func request(_ row: Int, _ operation: RecordRequest.Operation, _ object: String, keepsID: Bool)
        -> RecordRequest
    {
        var request = RecordRequest(operation, object)
        for (index, name) in names.enumerated() where !rows[row][index].isEmpty {
            let text = rows[row][index]
            if !keepsID, name.lowercased() == "id" {
                request.id = text
                continue
            }
            let value: JSONValue = text == "#N/A" ? .null : .string(text)
            guard let dot = name.firstIndex(of: ".") else {
                request.values[name] = value
                continue
            }
            let field = String(name[name.index(after: dot)...])
            request.values[Self.relationship(name[..<dot])] = value.isNull ? .null : .object([field: value])
        }
        return request
    }

    /// `Who` of `Lead:Who`. Documented for lookups of several objects.
    private static func relationship(_ text: Substring) -> String {
        text.firstIndex(of: ":").map { String(text[text.index(after: $0)...]) } ?? String(text)
    }

    /// The first name that is no field of the object.
    func unknownName(in schema: ObjectSchema) -> String? {
        names.first { name in
            guard let dot = name.firstIndex(of: ".") else { return schema.place(of: name) == nil }
            return schema.place(ofRelationship: Self.relationship(name[..<dot])) == nil
        }
    }

    /// Splits CSV into records.
    private struct Reader {
        let bytes: [UInt8]
        let delimiter: UInt8
        let lineEnding: String
        let limits: SimulatorLimits
        private var place = 0
        /// Where the last record ended, before its line end.
        private(set) var recordEnd = 0

        init(bytes: [UInt8], delimiter: UInt8, lineEnding: String, limits: SimulatorLimits) {
            self.bytes = bytes
            self.delimiter = delimiter
            self.lineEnding = lineEnding
            self.limits = limits
        }

        private var badLineEnd: APIError {
            IngestTable.invalid(
                "LineEnding is invalid on user data. Current LineEnding setting is \(lineEnding)")
        }

        /// The next record. Nil at the end.
        mutating func record() throws(APIError) -> [String]? {
            guard place < bytes.count else { return nil }
            var values: [String] = []
            while true {
                let value = bytes[place...].first == 0x22 ? try quoted() : plain()
                guard let text = String(validating: value, as: UTF8.self) else {
                    throw IngestTable.invalid("The data is not UTF-8")
                }
                guard text.utf16.count <= limits.ingestValueCharacters else {
                    throw IngestTable.invalid("Field size \(text.utf16.count) is too large")
                }
                values.append(text)
                guard place < bytes.count, bytes[place] == delimiter else { break }
                place += 1
            }
            recordEnd = place
            try endLine()
            return values
        }

        private mutating func endLine() throws(APIError) {
            guard place < bytes.count else { return }
            let hasReturn = bytes[place] == 0x0D
            guard hasReturn || bytes[place] == 0x0A else {
                throw IngestTable.invalid("A character follows a quoted value")
            }
            guard hasReturn == (lineEnding == "CRLF") else { throw badLineEnd }
            place += 1
            guard hasReturn else { return }
            guard place < bytes.count, bytes[place] == 0x0A else { throw badLineEnd }
            place += 1
        }

        private mutating func plain() -> ArraySlice<UInt8> {
            let start = place
            while place < bytes.count, bytes[place] != delimiter, bytes[place] != 0x0A, bytes[place] != 0x0D {
                place += 1
            }
            return bytes[start..<place]
        }

        private mutating func quoted() throws(APIError) -> ArraySlice<UInt8> {
            place += 1
            let start = place
            while place < bytes.count, bytes[place] != 0x22 { place += 1 }
            if place + 1 >= bytes.count || bytes[place + 1] != 0x22 {
                guard place < bytes.count else { throw IngestTable.invalid("A quoted value does not end") }
                place += 1
                return bytes[start..<place - 1]
            }
            var value = Array(bytes[start..<place])
            while place < bytes.count {
                let byte = bytes[place]
                place += 1
                guard byte == 0x22 else {
                    value.append(byte)
                    continue
                }
                guard place < bytes.count, bytes[place] == 0x22 else { return value[...] }
                value.append(0x22)
                place += 1
            }
            throw IngestTable.invalid("A quoted value does not end")
        }
    }
}

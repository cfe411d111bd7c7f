package import Encoding
internal import Salesforce

/// A row as it is sent: formatted, without fields that the user may not write.
package struct PreparedRecord: Sendable {
    /// The entry in `_trigger_log`.
    package var entryID: Int
    /// The row's `id`.
    package var recordID: Int
    /// The record's id; nil for an insert or upsert.
    package var sfid: String?
    /// The value of the upsert field, for an upsert.
    package var key: String?
    /// API names in the order of the table's columns, with the upsert field and without `Id`. A parent by its
    /// external id is `Account.Ext__c`, or `Lead:Who.Email` if the lookup has several kinds of parents.
    package var fields: [(name: String, value: WriteValue)]
    /// Fields with a value or a change that is not sent, because they are read-only, and columns of `paused`.
    package var leftOut: [String]
    /// Columns with a value or a change that is not sent, because they are not synced at present, with the
    /// reason.
    package var paused: [String: String] = [:]
    /// True if the request would change nothing: an update of read-only fields, or a deletion of a row that
    /// was never sent.
    package var isEmpty: Bool

    /// Why a change of columns that are not synced is refused. Nil without such columns.
    var pauseProblem: WriteProblem? {
        guard !paused.isEmpty else { return nil }
        let texts = paused.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
        return WriteProblem(
            "INVALID_FIELD",
            "not synced at present: \(texts.joined(separator: ", ")); retry it when it is synced",
            fields: paused.keys.sorted())
    }

    /// False if a Bulk job cannot carry the record: a text that means null there, or too many characters.
    package var fitsBulk: Bool {
        var characters = 0
        for (_, value) in fields {
            guard case .text(let text) = value else { continue }
            let length = text.utf16.count
            guard text != WriteValue.nullCell, length <= SalesforceLimits.ingestFieldCharacters else {
                return false
            }
            characters += length
        }
        return characters <= SalesforceLimits.ingestRecordCharacters
    }

    /// The members of a request, with `Id` for an update.
    package var json: JSONText {
        var members: [(String, JSONText)] = []
        members.reserveCapacity(fields.count + 1)
        if let sfid { members.append(("Id", .string(sfid))) }
        for (name, value) in fields { members.append(Self.member(name, value.json)) }
        return .object(members)
    }

    /// A parent by external id is an object of its own. Source: REST API Developer Guide, "Use External ID
    /// Fields".
    private static func member(_ name: String, _ value: JSONText) -> (String, JSONText) {
        guard let dot = name.utf8.firstIndex(of: UInt8(ascii: ".")) else { return (name, value) }
        let field = String(name[name.index(after: dot)...])
        let relationship = name[..<dot]
        guard let colon = relationship.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            return (String(relationship), .object([(field, value)]))
        }
        let type: JSONText = ["type": .string(String(relationship[..<colon]))]
        return (
            String(relationship[relationship.index(after: colon)...]),
            .object([("attributes", type), (field, value)])
        )
    }
}

/// The data of a Bulk ingest job.
package enum IngestCSV {
    /// A header with the fields of all records, and a line for each record. A field that a record does not
    /// have is an empty cell, which leaves the field as it is.
    ///
    /// - Parameter records: each with an `sfid`, or with the upsert field among its fields.
    package static func text(_ records: [PreparedRecord]) -> [UInt8] {
        var columns: [String] = []
        var places: [String: Int] = [:]
        func place(_ name: String) -> Int {
            if let place = places[name] { return place }
            places[name] = columns.count
            columns.append(name)
            return columns.count - 1
        }
        let rows = records.map { record in
            var cells = record.sfid.map { [(place("Id"), $0)] } ?? []
            cells += record.fields.map { (place($0.name), $0.value.csv) }
            return cells
        }
        var bytes: [UInt8] = []
        CSVWriter.append(columns, to: &bytes)
        var line = [String](repeating: "", count: columns.count)
        for row in rows {
            for (place, cell) in row { line[place] = cell }
            CSVWriter.append(line, to: &bytes)
            for (place, _) in row { line[place] = "" }
        }
        return bytes
    }
}

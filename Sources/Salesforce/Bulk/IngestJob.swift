internal import Encoding
package import FoundationEssentials

/// An ingest job of Bulk API 2.0, as last reported by Salesforce.
package struct IngestJob: Sendable, Equatable {
    /// How far it has come.
    package enum State: String, Sendable {
        /// Waits for its data. Nothing of it has been carried out.
        case open = "Open"
        case uploadComplete = "UploadComplete"
        case inProgress = "InProgress"
        /// Single records may have failed.
        case jobComplete = "JobComplete"
        /// A part of the records may have been written.
        case failed = "Failed"
        case aborted = "Aborted"

        package var isFinal: Bool { self == .jobComplete || self == .failed || self == .aborted }
    }

    package let id: SalesforceID
    package let object: String
    /// `insert`, `update`, `upsert` or `delete`.
    package let operation: String
    /// Of an upsert.
    package let externalIDField: String?
    package let state: State
    /// The user who created it.
    package let createdByID: SalesforceID?
    package let createdAt: Date?
    /// Nil until Salesforce reports it. Failed records count.
    package let recordsProcessed: Int?
    package let recordsFailed: Int?
    package let errorMessage: String?

    /// Parses an answer of `/jobs/ingest`. Throws `.malformedResponse`.
    package init(parsing body: [UInt8]) throws(SalesforceError) {
        try self.init(try JSONValue(answer: body))
    }

    init(_ answer: JSONValue) throws(SalesforceError) {
        guard let id = answer["id"]?.string.flatMap({ try? SalesforceID($0) }),
            let state = answer["state"]?.string.flatMap(State.init(rawValue:))
        else {
            throw SalesforceError(.malformedResponse, message: "not a Bulk job")
        }
        self.id = id
        self.state = state
        object = answer["object"]?.string ?? ""
        operation = answer["operation"]?.string ?? ""
        externalIDField = answer["externalIdFieldName"]?.string
        createdByID = answer["createdById"]?.string.flatMap { try? SalesforceID($0) }
        createdAt = answer["createdDate"]?.string.flatMap(Timestamp.date)
        recordsProcessed = answer["numberRecordsProcessed"]?.int
        recordsFailed = answer["numberRecordsFailed"]?.int
        errorMessage = answer["errorMessage"]?.string
    }
}

/// A row of a job's results.
package struct IngestRow: Sendable, Equatable {
    /// The record's id; nil if Salesforce does not name it.
    package let id: String?
    /// Of a successful row: true if the record is new.
    package let isCreated: Bool?
    /// Of a failed row.
    package let error: RecordError?
    private let header: IngestHeader
    private let cells: [String]

    init(_ header: IngestHeader, _ cells: [String]) {
        self.header = header
        self.cells = cells
        func cell(_ name: String) -> String? {
            header.place(of: name).map { cells[$0] }.flatMap { $0.isEmpty ? nil : $0 }
        }
        id = cell("sf__Id").flatMap { try? SalesforceID($0).text }
        isCreated = cell("sf__Created").map { $0 == "true" }
        error = cell("sf__Error").map(RecordError.init(ingest:))
    }

    /// The row's value in a column of the uploaded data. Nil without such a column.
    package subscript(_ column: String) -> String? {
        header.place(of: column).map { cells[$0] }
    }
}

/// The column names of a result, in any case.
struct IngestHeader: Sendable, Equatable {
    private let places: [String: Int]
    let count: Int

    init(_ names: [String]) {
        places = Dictionary(
            names.enumerated().map { ($1.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
        count = names.count
    }

    func place(of name: String) -> Int? { places[name.lowercased()] }
}

extension RecordError {
    /// Parses `CODE:message:Field1,Field2 --`. (Bulk API 2.0 and Bulk API Developer Guide, "Get Failed Record
    /// Results".)
    init(ingest text: String) {
        var rest = text[...]
        if rest.hasSuffix("--") { rest = rest.dropLast(2) }
        guard let colon = rest.firstIndex(of: ":"),
            rest[..<colon].allSatisfy({ $0.isUppercase || $0 == "_" }),
            colon > rest.startIndex
        else {
            self.init(code: Self.unknown, message: text)
            return
        }
        let code = String(rest[..<colon])
        rest = rest[rest.index(after: colon)...]
        guard let last = rest.lastIndex(of: ":") else {
            self.init(code: code, message: String(rest))
            return
        }
        let fields = rest[rest.index(after: last)...].split(separator: ",")
            .map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
        self.init(code: code, message: String(rest[..<last]), fields: fields)
    }
}

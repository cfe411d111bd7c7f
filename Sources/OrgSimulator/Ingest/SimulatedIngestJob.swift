import Encoding

/// A Bulk API 2.0 job that writes. Documented: "Bulk API 2.0 Ingest".
struct SimulatedIngestJob: Sendable {
    enum State: String, Sendable {
        case open = "Open"
        case uploadComplete = "UploadComplete"
        case inProgress = "InProgress"
        case complete = "JobComplete"
        case failed = "Failed"
        case aborted = "Aborted"

        var isTerminal: Bool { self == .complete || self == .failed || self == .aborted }
    }

    /// The written row and its outcome.
    struct Result: Sendable {
        let row: Int
        let outcome: RowOutcome
    }

    let id: OrgRecordID
    let org: Int
    let user: OrgRecordID
    let operation: String
    let object: String
    let externalIDField: String?
    let created: Int
    /// Such as `66.0`.
    let version: String
    let columnDelimiter: String
    let delimiter: UInt8
    let lineEnding: String
    /// Of the changes.
    let origin: String
    let chunkRows: Int
    var state = State.open
    var error: String?
    /// The uploaded data. Nil before the upload.
    var data: [UInt8]?
    private(set) var table: IngestTable?
    private(set) var results: [Result] = []
    /// The first row that is not written yet.
    private(set) var nextRow = 0
    private(set) var rowFault: RowFault?
    private(set) var uploadEnd = 0
    private(set) var duration = 0
    private(set) var polls = 0
    var changed: Int

    /// Ends the upload. The chunks are written in `duration` milliseconds.
    mutating func start(_ table: IngestTable, now: Int, duration: Int, rowFault: RowFault?) {
        self.table = table
        self.duration = duration
        self.rowFault = rowFault
        endUpload(now: now)
    }

    /// Ends an upload whose rows cannot be written.
    mutating func start(failing reason: String, now: Int) {
        error = reason
        endUpload(now: now)
    }

    private mutating func endUpload(now: Int) {
        state = .uploadComplete
        uploadEnd = now
        changed = now
    }

    private var rowCount: Int { table?.rows.count ?? 0 }
    private var isWritten: Bool { nextRow >= rowCount }

    /// When the next chunk is written. Nil: there is none.
    var nextChunkDue: Int? {
        guard state == .uploadComplete || state == .inProgress, error == nil, !isWritten else { return nil }
        let chunks = (rowCount + chunkRows - 1) / chunkRows
        return uploadEnd + duration * (nextRow / chunkRows + 1) / chunks
    }

    /// The requests of the next chunk.
    func nextChunk() -> [RecordRequest] {
        guard let table else { return [] }
        let isUpsert = operation == "upsert"
        let byID = isUpsert && externalIDField?.lowercased() == "id"
        let operation: RecordRequest.Operation =
            switch operation {
            case "insert": .insert
            case "update": .update
            case "delete": .delete
            case "hardDelete": .hardDelete
            default: .upsert(externalIDField ?? "Id")
            }
        return (nextRow..<min(nextRow + chunkRows, rowCount)).map { row in
            table.request(row, operation, object, keepsID: byID || self.operation == "insert")
        }
    }

    /// Records the outcomes of the next chunk.
    mutating func record(_ outcomes: [RowOutcome], now: Int) {
        results += outcomes.enumerated().map { Result(row: nextRow + $0, outcome: $1) }
        nextRow += outcomes.count
        state = .inProgress
        changed = now
    }

    /// Counts a poll and sets the state. The job is complete after `needed` polls and its duration, if all
    /// rows are written.
    mutating func advance(now: Int, polls needed: Int) {
        guard state == .uploadComplete || state == .inProgress else { return }
        polls += 1
        changed = now
        if error != nil {
            state = .failed
        } else if polls > needed, now - uploadEnd >= duration, isWritten {
            state = .complete
        } else {
            state = .inProgress
        }
    }

    /// The answer to the creation of the job, and an entry of a list.
    var document: JSONText { .object(members) }

    private var members: [(String, JSONText)] {
        var members: [(String, JSONText)] = [
            ("id", .string(id.text18)), ("operation", .string(operation)), ("object", .string(object)),
            ("createdById", .string(user.text18)),
            ("createdDate", .string(ISO8601.text(instant: created, zone: "+0000"))),
            ("systemModstamp", .string(ISO8601.text(instant: changed, zone: "+0000"))),
            ("state", .string(state.rawValue)),
        ]
        if let externalIDField { members.append(("externalIdFieldName", .string(externalIDField))) }
        members += [
            ("concurrencyMode", "Parallel"), ("contentType", "CSV"),
            ("apiVersion", .raw(NumberText.java(Double(version) ?? 0))), ("jobType", "V2Ingest"),
        ]
        if state == .open {
            let url = "services/data/v\(version)/jobs/ingest/\(id.text18)/batches"
            members.append(("contentUrl", .string(url)))
        }
        return members + [
            ("lineEnding", .string(lineEnding)), ("columnDelimiter", .string(columnDelimiter)),
        ]
    }

    /// The answer to a poll. Documented: processed records include failed ones.
    var detail: JSONText {
        var members = members
        let time = max(0, changed - uploadEnd)
        members += [
            ("retries", 0), ("totalProcessingTime", .number(uploadEnd == 0 ? 0 : time)),
            ("apiActiveProcessingTime", .number(uploadEnd == 0 ? 0 : time)), ("apexProcessingTime", 0),
            ("numberRecordsProcessed", .number(results.count)),
            ("numberRecordsFailed", .number(results.count { $0.outcome.error != nil })),
        ]
        if let error { members.append(("errorMessage", .string(error))) }
        return .object(members)
    }
}

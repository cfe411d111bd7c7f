import Encoding

/// A Bulk API 2.0 query job. Documented: "Bulk API 2.0 Query".
struct QueryJob: Sendable {
    enum State: String, Sendable {
        case uploadComplete = "UploadComplete"
        case inProgress = "InProgress"
        case complete = "JobComplete"
        case failed = "Failed"
        case aborted = "Aborted"

        var isTerminal: Bool { self == .complete || self == .failed || self == .aborted }
    }

    let id: OrgRecordID
    let org: Int
    let user: OrgRecordID
    /// `query` or `queryAll`.
    let operation: String
    let object: String
    let created: Int
    /// Such as `66.0`.
    let version: String
    let columnDelimiter: String
    let lineEnding: String
    /// Nil for a job with an error.
    let result: RenderedResult?
    var state = State.uploadComplete
    var error: String?
    /// Polls so far.
    var polls = 0
    var changed: Int

    /// Counts a poll and sets the state. The job is complete after `needed` polls and `milliseconds`, if its
    /// rows are ready.
    mutating func advance(now: Int, polls needed: Int, milliseconds: Int, isReady: Bool) {
        guard !state.isTerminal else { return }
        polls += 1
        changed = now
        if error != nil {
            state = .failed
        } else if polls > needed, now - created >= milliseconds, isReady {
            state = .complete
        } else {
            state = .inProgress
        }
    }

    /// The answer to the creation of the job.
    var document: JSONText { .object(members) }

    private var members: [(String, JSONText)] {
        let instant = ISO8601.text(instant: created, zone: "+0000")
        return [
            ("id", .string(id.text18)), ("operation", .string(operation)),
            ("object", .string(object)),
            ("createdById", .string(user.text18)),
            ("createdDate", .string(instant)),
            ("systemModstamp", .string(ISO8601.text(instant: changed, zone: "+0000"))),
            ("state", .string(state.rawValue)),
            ("concurrencyMode", "Parallel"), ("contentType", "CSV"),
            ("apiVersion", .raw(NumberText.java(Double(version) ?? 0))),
            ("lineEnding", .string(lineEnding)),
            ("columnDelimiter", .string(columnDelimiter)),
        ]
    }

    /// The answer to a poll. Documented; `errorMessage` is assumed.
    var detail: JSONText {
        let rows = state == .complete ? result?.rowCount ?? 0 : 0
        var members = members
        members += [
            ("jobType", "V2Query"),
            ("numberRecordsProcessed", .number(rows)),
            ("retries", 0),
            ("totalProcessingTime", .number(changed - created)),
            ("isPkChunkingSupported", true),
        ]
        if let error { members.append(("errorMessage", .string(error))) }
        return .object(members)
    }
}

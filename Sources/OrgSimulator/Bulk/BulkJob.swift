/// A Bulk API 2.0 query job. Documented: "Bulk API 2.0 Query".
struct BulkJob: Sendable {
    enum State: String, Sendable {
        case uploadComplete = "UploadComplete"
        case inProgress = "InProgress"
        case complete = "JobComplete"
        case failed = "Failed"
        case aborted = "Aborted"

        var isTerminal: Bool { self == .complete || self == .failed || self == .aborted }
    }

    let id: RecordID
    let org: Int
    let user: RecordID
    /// `query` or `queryAll`.
    let operation: String
    let object: String
    let created: Int
    /// Such as `66.0`.
    let version: String
    let columnDelimiter: String
    let lineEnding: String
    /// Nil for a job that failed at once.
    let result: RenderedResult?
    var state = State.uploadComplete
    var error: String?
    /// How often it was asked for.
    var polls = 0
    var changed: Int

    /// Moves on: the first question finds it at work, later ones complete, once it has been asked `polls` times,
    /// `milliseconds` have passed and its rows are ready.
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

    /// What creating a job answers.
    var document: JSONValue { .object(members) }

    private var members: [JSONValue.Member] {
        let instant = TimeText.json(created)
        return [
            .init(name: "id", value: .string(id.text18)), .init(name: "operation", value: .string(operation)),
            .init(name: "object", value: .string(object)),
            .init(name: "createdById", value: .string(user.text18)),
            .init(name: "createdDate", value: .string(instant)),
            .init(name: "systemModstamp", value: .string(TimeText.json(changed))),
            .init(name: "state", value: .string(state.rawValue)),
            .init(name: "concurrencyMode", value: "Parallel"), .init(name: "contentType", value: "CSV"),
            .init(name: "apiVersion", value: .number(Double(version) ?? 0)),
            .init(name: "lineEnding", value: .string(lineEnding)),
            .init(name: "columnDelimiter", value: .string(columnDelimiter)),
        ]
    }

    /// What asking for a job answers. Documented; `errorMessage` is assumed.
    var detail: JSONValue {
        let rows = state == .complete ? result?.rowCount ?? 0 : 0
        var members = members
        members += [
            .init(name: "jobType", value: "V2Query"),
            .init(name: "numberRecordsProcessed", value: .integer(rows)),
            .init(name: "retries", value: 0),
            .init(name: "totalProcessingTime", value: .integer(changed - created)),
            .init(name: "isPkChunkingSupported", value: true),
        ]
        if let error { members.append(.init(name: "errorMessage", value: .string(error))) }
        return .object(members)
    }
}

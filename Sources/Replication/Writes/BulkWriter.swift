internal import FoundationEssentials
internal import Logging
internal import Postgres
internal import Reactor
internal import Salesforce

/// Sends a batch as a Bulk ingest job. A job carries out nothing before it is started.
struct BulkWriter: Sendable {
    let sender: WriteSender
    let layout: WriteLayout
    let attempt: WriteAttempt

    private var ingest: BulkIngest { BulkIngest(sender.context.rest(layout.object)) }

    /// The ends of all records. Throws `UnsentRequest` if the job was not started, and other errors if its
    /// outcome is unknown.
    func write(
        _ prepared: [PreparedRecord], _ batch: WriteBatch, _ tries: [Int: Int]
    ) async throws -> [Int: WriteEnd] {
        let job = try await prepare(prepared, batch)
        do {
            try await UnsentRequest.marking {
                try await ingest.start(job.id, tag: WriteAttempt.tag(attempt.id))
            }
        } catch let error as UnsentRequest {
            try? await ingest.abort(job.id)
            throw error
        }
        let ended = try await waitForEnd(of: job)
        let ends = try await read(ended, prepared, batch, tries)
        do {
            try await ingest.delete(job.id)
        } catch {
            // Salesforce deletes it after seven days.
            sender.context.logger.debug("Bulk job not deleted", metadata: ["error": "\(error)"])
        }
        return ends
    }

    /// Creates the job, records it and sends its data.
    private func prepare(_ prepared: [PreparedRecord], _ batch: WriteBatch) async throws -> IngestJob {
        let options = sender.options(attempt, layout)
        do {
            let job = try await UnsentRequest.marking {
                try await ingest.create(
                    object: layout.object, operation: try operation(batch.action), options: options)
            }
            try await sender.context.fenced {
                try await WriteAttemptStore().setBulkJob(job.id.text, of: attempt.id, on: $0)
            }
            do {
                try await UnsentRequest.marking {
                    try await ingest.upload(job.id, csv: IngestCSV.text(prepared), tag: options.tag)
                }
            } catch {
                try? await ingest.abort(job.id)
                throw error
            }
            return job
        } catch let error as SalesforceError {
            // Whatever became of the call: the job was not started.
            throw UnsentRequest(error: error)
        }
    }

    private func operation(_ action: WriteAttempt.Action) throws(SalesforceError) -> BulkIngest.Operation {
        switch try layout.action(action) {
        case .update: return .update
        case .delete: return .delete
        case .upsert(let field): return .upsert(field: field)
        case .insert: throw SalesforceError(.rejected, message: "inserts are not sent by Bulk jobs")
        }
    }

    /// Waits for the job as long as it takes. Meanwhile its rows are PENDING, and others are sent.
    private func waitForEnd(of job: IngestJob) async throws -> IngestJob {
        var pause = ReplicationLimits.firstIngestPoll
        while true {
            do {
                let now = try await ingest.job(job.id)
                if now.state.isFinal { return now }
            } catch let error as SalesforceError where error.isTransient {
                sender.context.logger.debug("state of Bulk job unknown", metadata: ["error": "\(error)"])
            }
            try await EventLoop.current.sleep(for: pause)
            pause = min(pause * 3 / 2, ReplicationLimits.longestIngestPoll)
        }
    }

    private func read(
        _ job: IngestJob, _ prepared: [PreparedRecord], _ batch: WriteBatch, _ tries: [Int: Int]
    ) async throws -> [Int: WriteEnd] {
        let match = IngestMatch(prepared, batch.action, upsertField: layout.upsertField)
        var ends: [Int: WriteEnd] = [:]
        for set in BulkIngest.ResultSet.allCases {
            try await ingest.results(of: job.id, set) { rows in
                for row in rows {
                    guard let record = match.record(of: row) else { continue }
                    switch set {
                    case .successful, .failed:
                        ends[record.entryID] = RowVerdict.end(
                            of: RecordResult(
                                id: row.id, isCreated: row.isCreated, errors: row.error.map { [$0] } ?? []),
                            batch.action, sfid: record.sfid, leftOut: record.leftOut,
                            tries: (tries[record.entryID] ?? 0) + 1)
                    case .unprocessed:
                        ends[record.entryID] = .retry(
                            after: WritePause.after((tries[record.entryID] ?? 0) + 1), nil)
                    }
                }
            }
        }
        guard ends.count == prepared.count else {
            throw SalesforceError(
                .malformedResponse,
                message: "the job's results have \(ends.count) of \(prepared.count) records")
        }
        return ends
    }
}

/// Finds the record of a row of results, which come in any order.
struct IngestMatch: Sendable {
    private let records: [String: PreparedRecord]
    private let column: String

    init(_ prepared: [PreparedRecord], _ action: WriteAttempt.Action, upsertField: String?) {
        column = action == .upsert ? upsertField ?? "" : "Id"
        records = Dictionary(
            prepared.compactMap { record in
                (action == .upsert ? record.key : record.sfid).map { (Self.key($0, action), record) }
            }, uniquingKeysWith: { first, _ in first })
        isByID = action != .upsert
    }

    private let isByID: Bool

    func record(of row: IngestRow) -> PreparedRecord? {
        guard let value = row[column] else { return nil }
        return records[isByID ? String(value.prefix(15)) : value]
    }

    /// The first 15 characters of an id are unique.
    private static func key(_ text: String, _ action: WriteAttempt.Action) -> String {
        action == .upsert ? text : String(text.prefix(15))
    }
}

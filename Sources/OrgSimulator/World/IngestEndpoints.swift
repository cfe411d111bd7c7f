import Encoding
import HTTPWire

/// `/jobs/ingest`: Bulk API 2.0 jobs that write. Documented unless a comment says otherwise. The creation
/// with data in one request (multipart) is not simulated.
extension World {
    mutating func ingest(
        _ call: IncomingCall, _ segments: [String], _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        switch (segments.count, call.method) {
        case (0, "POST"): return try createIngest(call, session, version)
        case (0, "GET"): return try listIngests(call, session, version)
        case (1, "GET"): return try pollIngest(segments[0], session, call)
        case (1, "PATCH"): return try changeIngest(segments[0], session, call)
        case (1, "DELETE"): return try deleteIngest(segments[0], session)
        case (2, "PUT") where segments[1] == "batches": return try upload(segments[0], session, call)
        case (2, "GET"): return try ingestResults(segments[0], segments[1], session)
        default: throw .notFound
        }
    }

    private mutating func createIngest(
        _ call: IncomingCall, _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        guard let body = try? JSONValue(parsing: call.body) else { throw .notJSON }
        let operation = body["operation"]?.string ?? ""
        let delimiter = body["columnDelimiter"]?.string ?? "COMMA"
        let lineEnding = body["lineEnding"]?.string ?? "LF"
        guard ["insert", "update", "upsert", "delete", "hardDelete"].contains(operation),
            body["contentType"]?.string ?? "CSV" == "CSV", let separator = Self.delimiters[delimiter],
            Self.lineEnds[lineEnding] != nil
        else {
            throw APIError(
                400, "INVALIDJOB", "InvalidJob : operation, contentType or format is not supported")
        }
        count(.ingestCreate, org: session.org)
        let object = body["object"]?.string ?? ""
        guard let table = orgs[session.org - 1].table(object),
            !orgs[session.org - 1].bulkUnsupported.contains(object.lowercased())
        else {
            // Recorded by many connectors.
            throw APIError(
                400, "INVALIDENTITY", "Entity '\(object)' is not supported by the Bulk API.")
        }
        let field = body["externalIdFieldName"]?.string
        if operation == "upsert" {
            guard let place = field.flatMap({ table.schema.place(of: $0) }),
                table.schema.fields[place].isIDLookup
            else {
                // Assumed text.
                throw APIError(
                    400, "INVALIDJOB", "InvalidJob : Invalid external ID field: \(field ?? "")")
            }
        }
        let job = SimulatedIngestJob(
            id: newID("750", org: session.org), org: session.org, user: session.user.id,
            operation: operation, object: table.schema.name,
            externalIDField: operation == "upsert" ? field : nil, created: call.now, version: version,
            columnDelimiter: delimiter, delimiter: separator, lineEnding: lineEnding,
            origin: bulkOrigin(call, version), chunkRows: configuration.limits.ingestChunkRows,
            changed: call.now)
        ingestJobs[job.id] = job
        ingestOrder.append(job.id)
        if ingestOrder.count > configuration.limits.bulkJobs {
            ingestJobs[ingestOrder.removeFirst()] = nil
        }
        return .json(job.document)
    }

    /// Assumed, after the origins of REST calls.
    private func bulkOrigin(_ call: IncomingCall, _ version: String) -> String {
        let client = configuration.assumptions.bulkOriginHasClient ? Self.client(call) : ""
        return "com/salesforce/api/bulk/\(version)\(client)"
    }

    /// The caller's job. Jobs of other orgs are treated as unknown.
    private func ingestJob(_ segment: String, _ session: Session) throws(APIError) -> SimulatedIngestJob {
        guard let id = OrgRecordID(segment), let job = ingestJobs[id], job.org == session.org else {
            throw .notFound
        }
        return job
    }

    /// The jobs of the org, oldest first.
    private mutating func listIngests(
        _ call: IncomingCall, _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        count(.ingestList, org: session.org)
        var start = 0
        if let text = call.query["queryLocator"] {
            guard let locator = BulkLocator(text) else { throw .badLocator }
            start = locator.start
        }
        let own = ingestOrder.compactMap { ingestJobs[$0] }.filter { $0.org == session.org }
        let page = own.dropFirst(start).prefix(configuration.limits.listedJobs)
        let end = start + page.count
        var next: String?
        if end < own.count {
            next = "/services/data/v\(version)/jobs/ingest?queryLocator=\(BulkLocator(start: end).text)"
        }
        return .json([
            "done": .bool(next == nil), "records": .array(page.map(\.document)),
            "nextRecordsUrl": .optional(next),
        ])
    }

    private mutating func upload(
        _ segment: String, _ session: Session, _ call: IncomingCall
    ) throws(APIError) -> Reply {
        var job = try ingestJob(segment, session)
        count(.ingestUpload, org: session.org)
        // Assumed for a second upload.
        guard job.state == .open, job.data == nil else {
            throw APIError(400, "INVALIDJOBSTATE", "Job state is not open, or it has data")
        }
        guard call.headers["content-type"]?.lowercased().hasPrefix("text/csv") == true else {
            throw APIError(400, "INVALIDJOB", "InvalidJob : the Content-Type must be text/csv")
        }
        guard call.body.count <= configuration.limits.ingestBytes else {
            throw APIError(413, "REQUEST_TOO_LARGE", "The data of a job may have 100 MB")
        }
        job.data = call.body
        job.changed = call.now
        ingestJobs[job.id] = job
        return Reply(status: 201)
    }

    private mutating func changeIngest(
        _ segment: String, _ session: Session, _ call: IncomingCall
    ) throws(APIError) -> Reply {
        var job = try ingestJob(segment, session)
        guard let state = (try? JSONValue(parsing: call.body))?["state"]?.string else { throw .notJSON }
        switch state {
        case "UploadComplete":
            count(.ingestStart, org: session.org)
            guard job.state == .open else {
                throw APIError(400, "INVALIDJOBSTATE", "Closing already Completed Job not allowed")
            }
            start(&job, call)
            ingestJobs[job.id] = job
            openIngests.append(job.id)
            if !rendersAhead { writeDueChunks(now: call.now) }
        case "Aborted":
            count(.ingestAbort, org: session.org)
            guard !job.state.isTerminal else {
                throw APIError(400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
            }
            job.state = .aborted
            job.changed = call.now
            ingestJobs[job.id] = job
        default:
            throw APIError(400, "INVALIDJOBSTATE", "Invalid job state: \(state)")
        }
        return .json((ingestJobs[job.id] ?? job).document)
    }

    private func start(_ job: inout SimulatedIngestJob, _ call: IncomingCall) {
        do throws(APIError) {
            let table = try IngestTable(
                job.data ?? [], delimiter: job.delimiter, lineEnding: job.lineEnding,
                limits: configuration.limits)
            if let schema = orgs[job.org - 1].table(job.object)?.schema,
                let name = table.unknownName(in: schema)
            {
                throw IngestTable.invalid("Field name not found : \(name)")
            }
            job.start(
                table, now: call.now, duration: configuration.bulkMilliseconds, rowFault: call.rowFault)
        } catch {
            job.start(failing: error.message, now: call.now)
        }
        job.data = []
    }

    private mutating func pollIngest(
        _ segment: String, _ session: Session, _ call: IncomingCall
    ) throws(APIError) -> Reply {
        var job = try ingestJob(segment, session)
        count(.ingestPoll, org: session.org)
        job.advance(now: call.now, polls: configuration.bulkPolls)
        ingestJobs[job.id] = job
        return .json(job.detail)
    }

    private mutating func deleteIngest(_ segment: String, _ session: Session) throws(APIError) -> Reply {
        let job = try ingestJob(segment, session)
        count(.ingestDelete, org: session.org)
        guard job.state.isTerminal else {
            throw APIError(
                400, "API_ERROR", "Error encountered when deleting the job because the job is not terminated")
        }
        ingestJobs[job.id] = nil
        ingestOrder.removeAll { $0 == job.id }
        return .noContent
    }

    private mutating func ingestResults(
        _ segment: String, _ kind: String, _ session: Session
    ) throws(APIError) -> Reply {
        let job = try ingestJob(segment, session)
        count(.ingestResults, org: session.org)
        guard job.state.isTerminal else {
            // Assumed status and text.
            throw APIError(400, "INVALIDJOBSTATE", "The job is not complete")
        }
        let results = IngestResults(job)
        let bytes: [UInt8]
        switch kind.lowercased() {
        case "successfulresults": bytes = results.successful
        case "failedresults": bytes = results.failed
        case "unprocessedrecords": bytes = results.unprocessed
        default: throw .notFound
        }
        let type = configuration.assumptions.bulkStatesCharset ? "text/csv; charset=UTF-8" : "text/csv"
        return Reply(status: 200, headers: [("Content-Type", type)], body: .bytes(bytes))
    }

    /// Writes chunks that are due, each in its own transaction. A served simulator writes one chunk of each
    /// job, so that other calls do not wait for the rest.
    mutating func writeDueChunks(now: Int) {
        repeat {
            for id in openIngests {
                if let due = ingestJobs[id]?.nextChunkDue, due <= now { writeChunk(id, now: due) }
            }
            openIngests.removeAll { ingestJobs[$0]?.nextChunkDue == nil }
        } while !rendersAhead && openIngests.contains { ingestJobs[$0]?.nextChunkDue ?? .max <= now }
    }

    private mutating func writeChunk(_ id: OrgRecordID, now: Int) {
        guard let job = ingestJobs[id] else { return }
        let place = job.org - 1
        let held = orgs[place].rules.locks ? heldRecords(place) : []
        var planner = WritePlanner(
            user: job.user, firstRow: job.nextRow, rowFault: job.rowFault, lockedRecords: held)
        let outcomes = planner.outcomes(job.nextChunk(), in: &orgs[place])
        let delay = orgs[place].nextEventDelay()
        commit(
            outcomes.compactMap(\.write),
            Commit(user: job.user, origin: job.origin, now: now, eventDelay: delay), place: place)
        ingestJobs[id]?.record(outcomes, now: now)
    }
}

import Encoding
import HTTPWire

/// `/jobs/query`: Bulk API 2.0 queries. Documented unless a comment says otherwise.
extension World {
    mutating func bulk(
        _ call: IncomingCall, _ segments: [String], _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        switch (segments.count, call.method) {
        case (0, "POST"): return try createJob(call, session, version)
        case (0, "GET"): return listJobs(session, version)
        case (1, "GET"): return try pollJob(segments[0], session, call)
        case (1, "PATCH"): return try abortJob(segments[0], session, call)
        case (1, "DELETE"): return try deleteJob(segments[0], session)
        case (2, "GET") where segments[1] == "results":
            return try results(segments[0], session, call, version)
        // The documentation has both spellings.
        case (2, "GET") where segments[1].lowercased() == "resultpages":
            return try resultPages(segments[0], session, call, version)
        default: throw .notFound
        }
    }

    static let delimiters: [String: UInt8] = [
        "BACKQUOTE": 0x60, "CARET": 0x5E, "COMMA": 0x2C, "PIPE": 0x7C, "SEMICOLON": 0x3B, "TAB": 0x09,
    ]
    static let lineEnds: [String: [UInt8]] = ["LF": [0x0A], "CRLF": [0x0D, 0x0A]]

    private mutating func createJob(
        _ call: IncomingCall, _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        guard let body = try? JSONValue(parsing: call.body) else { throw .notJSON }
        let operation = body["operation"]?.string ?? ""
        let text = body["query"]?.string ?? ""
        let delimiter = body["columnDelimiter"]?.string ?? "COMMA"
        let lineEnding = body["lineEnding"]?.string ?? "LF"
        guard operation == "query" || operation == "queryAll", body["contentType"]?.string ?? "CSV" == "CSV",
            let separator = Self.delimiters[delimiter], let lineEnd = Self.lineEnds[lineEnding]
        else {
            throw APIError(
                400, "INVALIDJOB", "InvalidJob : operation, contentType or format is not supported")
        }
        count(.bulkCreate, org: session.org)
        var plan: QueryPlan?
        var refusal: APIError?
        do throws(APIError) {
            try checkForBulk(text)
            let found = try self.plan(text, session, includesDeleted: operation == "queryAll")
            try checkForBulk(found)
            let name = found.table.schema.name
            guard !orgs[session.org - 1].bulkUnsupported.contains(name.lowercased()) else {
                // Recorded by many connectors.
                throw APIError(
                    400, "INVALIDENTITY", "Entity '\(name)' is not supported by the Bulk API.")
            }
            plan = found
        } catch {
            refusal = error
        }
        if let refusal, configuration.assumptions.bulkRefusesUnsupportedQueries { throw refusal }
        let id = newID("750", org: session.org)
        let result = plan.map { plan in
            rendered(
                plan, text, session, delimiter: separator, lineEnd: lineEnd,
                sortsColumns: (Double(version) ?? 0) < 50)
        }
        let job = QueryJob(
            id: id, org: session.org, user: session.user.id, operation: operation,
            object: plan?.table.schema.name ?? "", created: call.now, version: version,
            columnDelimiter: delimiter, lineEnding: lineEnding, result: result, error: refusal?.message,
            changed: call.now)
        jobs[id] = job
        jobOrder.append(id)
        if jobOrder.count > configuration.limits.bulkJobs { jobs[jobOrder.removeFirst()] = nil }
        return .json(job.document)
    }

    private mutating func rendered(
        _ plan: QueryPlan, _ text: String, _ session: Session, delimiter: UInt8, lineEnd: [UInt8],
        sortsColumns: Bool
    ) -> RenderedResult {
        let key = BulkResultCache.Key(
            org: session.org, query: text, owner: session.owner(configuration.assumptions),
            includesDeleted: plan.includesDeleted, sortsColumns: sortsColumns, delimiter: delimiter,
            lineEnd: lineEnd, revision: orgs[session.org - 1].revision)
        var assumptions = configuration.assumptions
        if configuration.awkwardOrgs.contains(session.org) {
            assumptions.integersWithPoint = Assumptions.fewIntegersWithPoint
        }
        let blockRows = configuration.limits.blockRows
        let result = cache.result(key) {
            RenderedResult(
                CSVRenderer(
                    plan, assumptions: assumptions, delimiter: delimiter, lineEnd: lineEnd,
                    sortsColumns: sortsColumns),
                rows: plan.rows(), blockRows: blockRows)
        }
        if rendersAhead, !result.isComplete { unrendered.append(result) }
        return result
    }

    /// Refuses unsupported keywords, with the messages that connectors look for.
    private func checkForBulk(_ text: String) throws(APIError) {
        let tokens = (try? SOQLLexer.tokens(text)) ?? []
        for (place, token) in tokens.enumerated() {
            guard case .word(let word) = token.kind else { continue }
            let unsupported: String? =
                switch word.uppercased() {
                case "GROUP": "GROUP BY"
                case "OFFSET": "OFFSET"
                case "TYPEOF": "TYPEOF"
                case "SELECT" where place > 0: "Parent-to-child relationship queries"
                case "COUNT" where tokens[place + 1].kind == .symbol("("): "Aggregate Relationships"
                default: nil
                }
            if let unsupported {
                throw APIError(400, "API_ERROR", "\(unsupported) is not supported by the Bulk API")
            }
        }
    }

    private func checkForBulk(_ plan: QueryPlan) throws(APIError) {
        guard plan.columns.allSatisfy({ $0.field.type != .address }) else {
            throw APIError(400, "API_ERROR", "Selecting compound data not supported in Bulk Query")
        }
    }

    /// The caller's job. Jobs of other orgs are treated as unknown.
    private func job(_ segment: String, _ session: Session) throws(APIError) -> QueryJob {
        guard let id = OrgRecordID(segment), let job = jobs[id], job.org == session.org else {
            throw .notFound
        }
        return job
    }

    private mutating func pollJob(_ segment: String, _ session: Session, _ call: IncomingCall)
        throws(APIError)
        -> Reply
    {
        var job = try job(segment, session)
        count(.bulkPoll, org: session.org)
        let isReady = !rendersAhead || job.result?.isComplete ?? true || cache.isFull
        job.advance(
            now: call.now, polls: configuration.bulkPolls, milliseconds: configuration.bulkMilliseconds,
            isReady: isReady)
        jobs[job.id] = job
        return .json(job.detail)
    }

    private mutating func abortJob(_ segment: String, _ session: Session, _ call: IncomingCall)
        throws(APIError)
        -> Reply
    {
        var job = try job(segment, session)
        count(.bulkAbort, org: session.org)
        guard (try? JSONValue(parsing: call.body))?["state"]?.string == "Aborted" else { throw .notJSON }
        guard !job.state.isTerminal else {
            throw APIError(400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
        }
        job.state = .aborted
        jobs[job.id] = job
        return .json(job.document)
    }

    private mutating func deleteJob(_ segment: String, _ session: Session) throws(APIError) -> Reply {
        let job = try job(segment, session)
        count(.bulkDelete, org: session.org)
        guard job.state.isTerminal else {
            throw APIError(
                400, "API_ERROR", "Error encountered when deleting the job because the job is not terminated")
        }
        jobs[job.id] = nil
        jobOrder.removeAll { $0 == job.id }
        return .noContent
    }

    private mutating func listJobs(_ session: Session, _ version: String) -> Reply {
        count(.bulkList, org: session.org)
        let own = jobOrder.compactMap { jobs[$0] }.filter { $0.org == session.org }
        return .json([
            "done": true, "records": .array(own.prefix(1000).map(\.document)), "nextRecordsUrl": nil,
        ])
    }

    /// The result of a complete job. Documented: the version must be the job's.
    private func completeResult(
        _ segment: String, _ session: Session, _ version: String
    ) throws(APIError) -> RenderedResult {
        let job = try job(segment, session)
        guard job.version == version else {
            // Documented status, assumed text.
            throw APIError(
                409, "API_VERSION_MISMATCH", "The API version of the job is \(job.version), not \(version)")
        }
        guard job.state == .complete, let result = job.result else {
            // Assumed status and text.
            throw APIError(400, "INVALIDJOBSTATE", "The job is not complete")
        }
        return result
    }

    private mutating func results(
        _ segment: String, _ session: Session, _ call: IncomingCall, _ version: String
    ) throws(APIError) -> Reply {
        let result = try completeResult(segment, session, version)
        count(.bulkResults, org: session.org)
        var locator = BulkLocator(start: 0)
        if let text = call.query["locator"] {
            guard let parsed = BulkLocator(text), parsed.start <= result.rowCount else { throw .badLocator }
            locator = parsed
        }
        var rows = configuration.assumptions.defaultResultRows
        if let text = call.query["maxRecords"] {
            guard let maximum = Int(text), maximum > 0 else {
                throw APIError(400, "INVALID_PARAMETER", "maxRecords must be a positive number")
            }
            rows = maximum
        }
        let end = min(locator.start + min(rows, locator.count ?? rows), result.rowCount)
        let next = end < result.rowCount ? BulkLocator(start: end).text : "null"
        let type = configuration.assumptions.bulkStatesCharset ? "text/csv; charset=UTF-8" : "text/csv"
        return Reply(
            status: 200,
            headers: [
                ("Content-Type", type), ("Sforce-Locator", next),
                ("Sforce-NumberOfRecords", "\(end - locator.start)"),
            ], body: .results(result, locator.start..<end))
    }

    /// Up to five URLs that can be fetched at the same time.
    private mutating func resultPages(
        _ segment: String, _ session: Session, _ call: IncomingCall, _ version: String
    ) throws(APIError) -> Reply {
        guard (Double(version) ?? 0) >= 58 else { throw .notFound }
        let result = try completeResult(segment, session, version)
        count(.bulkResultPages, org: session.org)
        var start = 0
        if let text = call.query["locator"] {
            guard let locator = BulkLocator(text), locator.start <= result.rowCount else { throw .badLocator }
            start = locator.start
        }
        let base = "/services/data/v\(version)/jobs/query/\(segment)"
        let step = configuration.assumptions.resultPageRows
        var pages: [JSONText] = []
        repeat {
            let locator = BulkLocator(start: start, count: step).text
            pages.append(["resultUrl": .string("\(base)/results?locator=\(locator)")])
            start += step
        } while start < result.rowCount && pages.count < 5
        guard start < result.rowCount else { return .json(["resultPages": .array(pages), "done": true]) }
        let next = "\(base)/resultpages?locator=\(BulkLocator(start: start).text)"
        return .json(["resultPages": .array(pages), "nextRecordsUrl": .string(next), "done": false])
    }
}

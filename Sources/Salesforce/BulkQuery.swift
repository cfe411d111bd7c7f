internal import Encoding

/// Query jobs of Bulk API 2.0. (Bulk API 2.0 and Bulk API Developer Guide, "Query".)
package struct BulkQuery: Sendable {
    private let rest: RESTClient

    package init(_ rest: RESTClient) {
        self.rest = rest
    }

    /// Begins a job. Columns come in the order of the query. Not repeated once it may have begun one: the
    /// quota counts jobs.
    package func create(_ query: SOQL, scope: RESTClient.QueryScope = .live) async throws -> BulkJob {
        var call = Call(method: "POST", path: rest.path("jobs/query"))
        call.headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
        call.body = Array(
            JSONValue.object([
                "operation": .string(scope == .live ? "query" : "queryAll"), "query": .string(query.text),
                "contentType": .string("CSV"), "columnDelimiter": .string("COMMA"),
                "lineEnding": .string("LF"),
            ]).serialized.utf8)
        call.repetition = .harmful
        return try BulkJob(parsing: try await rest.perform(call).body)
    }

    /// How far the job is. Throws `.notFound` for one that was deleted or is older than seven days.
    package func job(_ id: RecordID) async throws -> BulkJob {
        try BulkJob(parsing: try await rest.perform(Call(path: path(id))).body)
    }

    /// Asks with growing pauses until the job has ended. Throws `.jobFailed` if it failed or was aborted,
    /// `.timedOut` at the deadline.
    package func waitForEnd(of id: RecordID, deadline: ContinuousClock.Instant) async throws -> BulkJob {
        var pause = Duration.milliseconds(200)
        while true {
            let job = try await job(id)
            if job.state.isFinal {
                try job.checkSucceeded()
                return job
            }
            guard ContinuousClock.now + pause < deadline else {
                throw SalesforceError(
                    .timedOut, message: "the Bulk job is \(job.state.rawValue)", call: "Bulk job \(id)")
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(15))
        }
    }

    /// The pages that can be read in parallel, from the beginning or from where the list before it ended.
    package func resultPages(_ id: RecordID, after next: String? = nil) async throws -> ResultPages {
        try ResultPages(parsing: try await rest.perform(Call(path: next ?? path(id) + "/resultPages")).body)
    }

    /// Streams one page into `body`. A page can be read again as long as the job exists.
    ///
    /// - Parameters:
    ///   - locator: the page; nil is the first.
    ///   - maximumRows: rows of the page. Not for locators of `resultPages`, which know their size.
    ///   - compression: gzip spares the line and costs processor time.
    package func results<Result>(
        of id: RecordID, locator: String? = nil, maximumRows: Int? = nil, compression: Compression = .gzip,
        _ body: (BulkResults) async throws -> Result
    ) async throws -> Result {
        var call = Call(path: path(id) + "/results")
        if let locator { call.query.append(("locator", locator)) }
        if let maximumRows { call.query.append(("maxRecords", String(maximumRows))) }
        call.headers = [("Accept", "text/csv")]
        call.acceptsGzip = compression == .gzip
        call.deadline = SalesforceLimits.resultsDeadline
        call.maximumBytes = Int.max
        let name = "GET \(path(id))/results"
        return try await rest.stream(call) { stream in try await body(BulkResults(stream: stream, call: name))
        }
    }

    /// Whether Salesforce packs the page.
    package enum Compression: Sendable {
        case none
        case gzip
    }

    /// Stops a job that has not ended. Throws `.invalidJobState` for one that has.
    package func abort(_ id: RecordID) async throws {
        var call = Call(method: "PATCH", path: path(id))
        call.headers = [("Content-Type", "application/json")]
        call.body = Array(#"{"state":"Aborted"}"#.utf8)
        _ = try await rest.perform(call)
    }

    /// Removes an ended job and its results. One that is gone already is no error.
    package func delete(_ id: RecordID) async throws {
        do {
            _ = try await rest.perform(Call(method: "DELETE", path: path(id)))
        } catch let error as SalesforceError where error.code == .notFound {
            return
        }
    }

    private func path(_ id: RecordID) -> String { rest.path("jobs/query/\(id)") }
}

internal import Encoding

/// Query jobs of Bulk API 2.0. (Bulk API 2.0 and Bulk API Developer Guide, "Query".)
package struct BulkQuery: Sendable {
    private let rest: RESTClient

    package init(_ rest: RESTClient) {
        self.rest = rest
    }

    /// Creates a job. Its columns have the order of the query. Not repeated if the request may have created
    /// one, because the quota counts jobs.
    ///
    /// - Parameter isAll: also returns records in the recycle bin and archived ones (`queryAll`).
    package func create(_ query: SOQL, isAll: Bool = false) async throws -> BulkJob {
        var call = APICall(method: "POST", path: rest.path("jobs/query"))
        call.headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
        call.body = Array(
            JSONValue.object([
                "operation": .string(isAll ? "queryAll" : "query"), "query": .string(query.text),
                "contentType": .string("CSV"), "columnDelimiter": .string("COMMA"),
                "lineEnding": .string("LF"),
            ]).serialized.utf8)
        call.repetition = .harmful
        return try BulkJob(parsing: try await rest.perform(call).body)
    }

    /// The job's current state. Throws `.notFound` for a job that was deleted or is older than seven days.
    package func job(_ id: SalesforceID) async throws -> BulkJob {
        try BulkJob(parsing: try await rest.perform(APICall(path: path(id))).body)
    }

    /// The result pages that can be read in parallel.
    ///
    /// - Parameter next: the `next` of the previous list; nil for the first list.
    package func resultPages(_ id: SalesforceID, after next: String? = nil) async throws -> ResultPages {
        try ResultPages(
            parsing: try await rest.perform(APICall(path: next ?? path(id) + "/resultPages")).body)
    }

    /// Streams one result page to `body`. A page can be read again as long as the job exists.
    ///
    /// - Parameters:
    ///   - locator: the page; nil for the first.
    ///   - maximumRows: rows of the page. Not for locators of `resultPages`, whose size is fixed.
    ///   - compression: gzip saves bandwidth and costs processor time.
    package func results<Result>(
        of id: SalesforceID, locator: String? = nil, maximumRows: Int? = nil,
        compression: Compression = .gzip,
        _ body: (BulkResults) async throws -> Result
    ) async throws -> Result {
        var call = APICall(path: path(id) + "/results")
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

    /// Whether Salesforce compresses the page.
    package enum Compression: Sendable {
        case none
        case gzip
    }

    /// Deletes an ended job and its results. An unknown job is no error.
    package func delete(_ id: SalesforceID) async throws {
        do {
            _ = try await rest.perform(APICall(method: "DELETE", path: path(id)))
        } catch let error as SalesforceError where error.code == .notFound {
            return
        }
    }

    /// Aborts a job that has not ended. An unknown or ended job is no error. The job is deleted with
    /// `delete`.
    package func abort(_ id: SalesforceID) async throws {
        var call = APICall(method: "PATCH", path: path(id))
        call.headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
        call.body = Array(#"{"state":"Aborted"}"#.utf8)
        do {
            _ = try await rest.perform(call)
        } catch let error as SalesforceError where [.notFound, .invalidJobState].contains(error.code) {
            return
        }
    }

    private func path(_ id: SalesforceID) -> String { rest.path("jobs/query/\(id)") }
}

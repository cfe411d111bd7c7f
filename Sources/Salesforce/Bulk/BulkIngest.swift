internal import Encoding
package import FoundationEssentials

/// Ingest jobs of Bulk API 2.0. (Bulk API 2.0 and Bulk API Developer Guide, "Ingest".)
///
/// A job carries out nothing before `start`. So a job whose creation, upload or start got no answer can be
/// found, and aborted if it is still open.
package struct BulkIngest: Sendable {
    /// What a job does with its records. Inserts are not among them: results come in any order and have no
    /// key of a new record.
    package enum Operation: Sendable, Hashable {
        case update
        case upsert(field: String)
        case delete

        /// The name in requests and in `IngestJob.operation`.
        package var name: String {
            switch self {
            case .update: "update"
            case .upsert: "upsert"
            case .delete: "delete"
            }
        }
    }

    /// A part of a job's results.
    package enum ResultSet: String, Sendable, CaseIterable {
        case successful = "successfulResults"
        case failed = "failedResults"
        /// Records that an aborted or failed job did not reach.
        case unprocessed = "unprocessedrecords"
    }

    private let rest: RESTClient

    package init(_ rest: RESTClient) {
        self.rest = rest
    }

    /// Creates an open job. Not repeated if the request may have created one: `jobs(createdSince:)` finds it.
    package func create(
        object: String, operation: Operation, options: WriteOptions = WriteOptions()
    ) async throws -> IngestJob {
        var members: [(String, JSONText)] = [
            ("object", .string(object)), ("operation", .string(operation.name)), ("contentType", "CSV"),
            ("columnDelimiter", "COMMA"), ("lineEnding", "LF"),
        ]
        if case .upsert(let field) = operation { members.append(("externalIdFieldName", .string(field))) }
        var call = request("POST", rest.path("jobs/ingest"), JSONText.object(members), options.tag)
        call.headers += options.headers
        call.repetition = .harmful
        return try IngestJob(parsing: try await rest.perform(call).body)
    }

    /// Sends an open job's data, once per job. Throws `.tooLarge` above `SalesforceLimits.ingestBytes`.
    package func upload(_ id: SalesforceID, csv: [UInt8], tag: String? = nil) async throws {
        guard csv.count <= SalesforceLimits.ingestBytes else {
            var error = SalesforceError(.tooLarge, message: "\(csv.count) bytes for one Bulk job")
            error.isUnsent = true
            throw error
        }
        var call = APICall(method: "PUT", path: path(id) + "/batches")
        call.headers = [("Content-Type", "text/csv"), ("Accept", "application/json")]
        call.body = csv
        call.clientTag = tag
        call.deadline = SalesforceLimits.uploadDeadline
        call.repetition = .harmful
        _ = try await rest.perform(call)
    }

    /// Lets Salesforce process an uploaded job. Throws `.invalidJobState` for a job that has started.
    package func start(_ id: SalesforceID, tag: String? = nil) async throws {
        var call = request("PATCH", path(id), ["state": "UploadComplete"], tag)
        call.repetition = .harmful
        _ = try await rest.perform(call)
    }

    /// Aborts a job that has not ended. An unknown or ended job is no error; `job` tells its state.
    package func abort(_ id: SalesforceID) async throws {
        do {
            _ = try await rest.perform(request("PATCH", path(id), ["state": "Aborted"], nil))
        } catch let error as SalesforceError where [.notFound, .invalidJobState].contains(error.code) {
            return
        }
    }

    /// The job's current state. Throws `.notFound` for a job that was deleted or is older than seven days.
    package func job(_ id: SalesforceID) async throws -> IngestJob {
        try IngestJob(parsing: try await rest.perform(APICall(path: path(id))).body)
    }

    /// Deletes an ended job and its results. An unknown job is no error.
    package func delete(_ id: SalesforceID) async throws {
        do {
            _ = try await rest.perform(APICall(method: "DELETE", path: path(id)))
        } catch let error as SalesforceError where error.code == .notFound {
            return
        }
    }

    /// The ingest jobs of all users since a time, complete or not at all. Throws `.tooLarge` for a list that
    /// is too long to be read.
    package func jobs(createdSince time: Date) async throws -> [IngestJob] {
        var jobs: [IngestJob] = []
        var next: String? = rest.path("jobs/ingest") + "?jobType=V2Ingest"
        var pages = 0
        while let path = next {
            pages += 1
            guard pages <= SalesforceLimits.ingestListPages else {
                throw SalesforceError(.tooLarge, message: "the list of Bulk jobs is too long")
            }
            let answer = try JSONValue(answer: try await rest.perform(APICall(path: path)).body)
            guard let records = answer["records"]?.array, let isLast = answer["done"]?.bool else {
                throw SalesforceError(.malformedResponse, message: "not a list of Bulk jobs")
            }
            for record in records {
                let job = try IngestJob(record)
                // A job without a time may be the one that is looked for.
                if job.createdAt.map({ $0 >= time }) ?? true { jobs.append(job) }
            }
            next = isLast ? nil : answer["nextRecordsUrl"]?.string
            guard isLast || next?.hasPrefix("/services/data/") == true else {
                throw SalesforceError(
                    .malformedResponse, message: "an incomplete list of Bulk jobs has no nextRecordsUrl")
            }
        }
        return jobs
    }

    /// Calls `body` with the rows of an ended job's results, some at a time, in any order. After an error of
    /// the connection the results can be read again from their beginning.
    package func results(
        of id: SalesforceID, _ set: ResultSet, _ body: ([IngestRow]) async throws -> Void
    ) async throws {
        var call = APICall(path: "\(path(id))/\(set.rawValue)")
        call.headers = [("Accept", "text/csv")]
        call.deadline = SalesforceLimits.resultsDeadline
        call.maximumBytes = Int.max
        let name = call.name
        try await rest.stream(call) { stream in
            let results = BulkResults(stream: stream, call: name)
            var reader = IngestResultReader()
            while let bytes = try await results.next() {
                let rows = try reader.read(bytes)
                if !rows.isEmpty { try await body(rows) }
            }
            let rows = try reader.finish()
            if !rows.isEmpty { try await body(rows) }
        }
    }

    private func request(_ method: String, _ path: String, _ body: JSONText, _ tag: String?) -> APICall {
        var call = APICall(method: method, path: path)
        call.headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
        call.body = body.encoded
        call.clientTag = tag
        return call
    }

    private func path(_ id: SalesforceID) -> String { rest.path("jobs/ingest/\(id)") }
}

/// Reads a job's results: a header, and rows of as many cells.
struct IngestResultReader {
    private var reader = CSVReader(maximumLineBytes: SalesforceLimits.ingestLineBytes)
    private var header: IngestHeader?

    /// The rows that end in these bytes. Throws `.malformedResponse`.
    mutating func read(_ bytes: [UInt8]) throws(SalesforceError) -> [IngestRow] {
        let lines: [[String]]
        do throws(CSVReader.Problem) {
            lines = try reader.read(bytes)
        } catch {
            throw Self.malformed("CSV: \(error)")
        }
        return try rows(lines)
    }

    /// The last row, if it has no line end.
    mutating func finish() throws(SalesforceError) -> [IngestRow] {
        let line: [String]?
        do throws(CSVReader.Problem) {
            line = try reader.finish()
        } catch {
            throw Self.malformed("CSV: \(error)")
        }
        return try rows(line.map { [$0] } ?? [])
    }

    private mutating func rows(_ lines: [[String]]) throws(SalesforceError) -> [IngestRow] {
        var rows: [IngestRow] = []
        for line in lines {
            guard let header else {
                header = IngestHeader(line)
                continue
            }
            guard line.count == header.count else {
                throw Self.malformed("a row of \(line.count) cells, and \(header.count) columns")
            }
            rows.append(IngestRow(header, line))
        }
        return rows
    }

    private static func malformed(_ message: String) -> SalesforceError {
        SalesforceError(.malformedResponse, message: message)
    }
}

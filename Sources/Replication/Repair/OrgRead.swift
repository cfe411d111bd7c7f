internal import FoundationEssentials
internal import Salesforce
internal import TenantSchema

/// Reads some fields of all records that a mapping's filter selects, by a query or a Bulk job.
struct OrgRead: Sendable {
    let rest: RESTClient
    let objectName: String
    /// The mapping's row filter. Nil for all records.
    let filter: String?
    /// The fields to read, `Id` first.
    let sources: [String]
    let settings: ReplicationSettings
    /// Throws if the caller must stop.
    let check: @Sendable () throws -> Void

    /// The number of rows of a complete read.
    struct Summary: Sendable, Equatable {
        var rows: Int
        /// `numberRecordsProcessed` of the Bulk job, or `totalSize` of the query.
        var processed: Int?
    }

    /// Takes one page of CSV with its header and returns its number of rows. A page can come again after an
    /// error.
    typealias Sink = (PageCopy.Source) async throws -> Int

    private func filtered(_ query: SOQL, _ conditions: [SOQL.Condition] = []) throws -> SOQL {
        let all = conditions + (filter.map { [.raw($0)] } ?? [])
        return all.isEmpty ? query : try query.where(all.count == 1 ? all[0] : .all(all))
    }

    /// The query without an order, so that Salesforce can split it.
    private func query() throws -> SOQL { try filtered(.select(sources, from: objectName)) }

    /// The number of records. Nil if the org cannot count them.
    func count() async throws -> Int? {
        do {
            return try await rest.count(try filtered(.count(of: objectName)))
        } catch let error as SalesforceError
            where [.queryTimeout, .malformedQuery, .notFound, .invalidType, .rejected].contains(error.code)
        {
            return nil
        }
    }

    /// Whether a query or a Bulk job reads the object.
    func method(records: Int?) throws -> ImportRecord.Method {
        ImportMethodRule(
            records: records ?? settings.bulkThreshold, bulkThreshold: settings.bulkThreshold,
            fitsAddress: RESTClient.canQuery(try query())
        ).method
    }

    /// Creates a Bulk job. Nil if the Bulk API does not support the object.
    func createBulkJob() async throws -> SalesforceID? {
        do {
            return try await BulkQuery(rest).create(try query()).id
        } catch let error as SalesforceError where error.code == .notSupportedByBulk {
            return nil
        }
    }

    /// Waits for the end of a Bulk job. Nil if it takes longer than `budget`.
    func wait(for id: SalesforceID, budget: Duration) async throws -> BulkJob? {
        let deadline = ContinuousClock.now + budget
        var pause = ReplicationLimits.firstPoll
        while true {
            try check()
            let job = try await BulkQuery(rest).job(id)
            try job.checkSucceeded()
            if job.state.isFinal { return job }
            guard .now + pause < deadline else { return nil }
            try await Task.sleep(for: pause)
            pause = min(pause * 3 / 2, ReplicationLimits.longestPoll)
        }
    }

    /// Passes the pages of a complete Bulk job to `sink`.
    func readPages(of job: BulkJob, _ sink: Sink) async throws -> Summary {
        var locator: String?
        var seen = SeenLocators()
        var rows = 0
        repeat {
            try check()
            let page = try await readPage(of: job, locator, sink)
            rows += page.rows
            if let next = page.next { try seen.note(next) }
            locator = page.next
        } while locator != nil
        return Summary(rows: rows, processed: job.recordsProcessed)
    }

    private func readPage(
        of job: BulkJob, _ locator: String?, _ sink: Sink
    ) async throws -> (rows: Int, next: String?) {
        var attempt = 1
        while true {
            do {
                return try await BulkQuery(rest).results(
                    of: job.id, locator: locator, maximumRows: settings.bulkPageRows,
                    compression: settings.compression
                ) { results in
                    let rows = try await sink { try await results.next() }
                    if let expected = results.rows, expected != rows {
                        throw ReplicationError(
                            .incompletePage, "\(rows) rows arrived, but the page has \(expected)")
                    }
                    return (rows, results.locator)
                }
            } catch  where attempt < ReplicationLimits.pageAttempts && PageLoader.isTransient(error) {
                attempt += 1
                try await Task.sleep(for: .milliseconds(500) * attempt)
            }
        }
    }

    /// Passes the pages of a query to `sink`.
    func readQuery(_ sink: Sink) async throws -> Summary {
        var page = try await rest.query(try query())
        let processed = page.totalSize
        var rows = try await pass(page, to: sink)
        while let next = page.next {
            try check()
            page = try await rest.page(after: next)
            rows += try await pass(page, to: sink)
        }
        return Summary(rows: rows, processed: processed)
    }

    /// Passes the records with these ids to `sink`. Records that the org or the filter leaves out are
    /// missing, and so are texts that are no ids: the org would refuse the query.
    func readRecords(_ ids: [String], _ sink: Sink) async throws {
        var rest = ids.filter(SalesforceID.isCanonical)[...]
        var size = RepairLimits.idsPerQuery
        while !rest.isEmpty {
            let batch = rest.prefix(size)
            let query = try filtered(
                .select(sources, from: objectName), [.isIn("Id", batch.map { .string($0) })])
            guard RESTClient.canQuery(query) || size == 1 else {
                size = max(1, size / 2)
                continue
            }
            try check()
            // At most 200 rows: always one page.
            _ = try await pass(try await self.rest.query(query), to: sink)
            rest = rest.dropFirst(batch.count)
        }
    }

    private func pass(_ page: QueryPage, to sink: Sink) async throws -> Int {
        var rows = RESTRows(sources: sources)
        var bytes = rows.header
        for record in page.records { bytes += try rows.line(record) }
        var rest: [UInt8]? = bytes
        return try await sink {
            defer { rest = nil }
            return rest
        }
    }

    /// Salesforce deletes it after seven days, so a failure does not matter.
    func delete(_ job: SalesforceID) async { try? await BulkQuery(rest).delete(job) }
}

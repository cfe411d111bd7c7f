import Foundation
import OrgSimulator
import Testing

@testable import Salesforce

struct BulkQueryTests {
    private func lines(_ bytes: [UInt8]) -> [String] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func collect(_ results: BulkResults) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let chunk = try await results.next() { bytes += chunk }
        return bytes
    }

    /// Polls until the job has ended. Throws if it failed or was aborted.
    @discardableResult
    private func ended(_ job: BulkJob, _ bulk: BulkQuery) async throws -> BulkJob {
        var job = job
        while !job.state.isFinal {
            try await Task.sleep(for: .milliseconds(20))
            job = try await bulk.job(job.id)
        }
        try job.checkSucceeded()
        return job
    }

    @Test(arguments: [BulkQuery.Compression.none, .gzip])
    func `a job's pages hold all rows, each page with its header`(compression: BulkQuery.Compression)
        async throws
    {
        try await SimulatedOrg.run({ $0.accounts = 2_500 }) { org in
            let bulk = BulkQuery(org.rest)
            let created = try await bulk.create(try SOQL.select(["Id", "CreatedDate"], from: "Account"))
            let job = try await ended(created, bulk)
            #expect(job.recordsProcessed == 2_500 && job.object == "Account" && job.version == .pinned)
            var locator: String?
            var ids = Set<String>()
            var pages = 0
            repeat {
                locator = try await bulk.results(
                    of: job.id, locator: locator, maximumRows: 1_000, compression: compression
                ) { results in
                    let lines = lines(try await collect(results))
                    #expect(lines.first == #""Id","CreatedDate""#)
                    #expect(results.rows == lines.count - 1)
                    for line in lines.dropFirst() { ids.insert(line) }
                    return results.locator
                }
                pages += 1
            } while locator != nil
            #expect(pages == 3 && ids.count == 2_500)
            try await bulk.delete(job.id)
            try await bulk.delete(job.id)
            #expect(await org.code { _ = try await bulk.job(job.id) } == .notFound)
        }
    }

    @Test func `pages can be listed and read in any order`() async throws {
        try await SimulatedOrg.run({ $0.accounts = 2_500 }) { org in
            let bulk = BulkQuery(org.rest)
            let created = try await bulk.create(try SOQL.select(["Id"], from: "Account"))
            try await ended(created, bulk)
            var pages = try await bulk.resultPages(created.id)
            var locators = pages.locators
            while let next = pages.next {
                pages = try await bulk.resultPages(created.id, after: next)
                locators += pages.locators
            }
            var ids = Set<String>()
            for locator in locators.reversed() {
                let bytes = try await bulk.results(of: created.id, locator: locator) { try await collect($0) }
                for line in lines(bytes).dropFirst() { ids.insert(line) }
            }
            #expect(ids.count == 2_500)
        }
    }

    @Test func `a page whose connection breaks is interrupted and can be read again`() async throws {
        try await SimulatedOrg.run { org in
            let bulk = BulkQuery(org.rest)
            let created = try await bulk.create(try SOQL.select(["Id", "Name"], from: "Account"))
            try await ended(created, bulk)
            try await org.fault(#"{"kind":"drop","path":"/results","bytes":50}"#)
            let code = await org.code { _ = try await bulk.results(of: created.id) { try await collect($0) } }
            #expect(code == .interrupted)
            let bytes = try await bulk.results(of: created.id) { try await collect($0) }
            #expect(lines(bytes).count > 20)
        }
    }

    @Test func `an error of the reader is rethrown and the page is not requested again`() async throws {
        struct Stop: Error {}
        try await SimulatedOrg.run { org in
            let bulk = BulkQuery(org.rest)
            let created = try await bulk.create(try SOQL.select(["Id"], from: "Account"))
            try await ended(created, bulk)
            var starts = 0
            await #expect(throws: Stop.self) {
                try await bulk.results(of: created.id) { _ in
                    starts += 1
                    throw Stop()
                }
            }
            #expect(starts == 1)
        }
    }

    @Test func `an expired session is refreshed before a page begins`() async throws {
        try await SimulatedOrg.run { org in
            let bulk = BulkQuery(org.rest)
            let created = try await bulk.create(try SOQL.select(["Id"], from: "Account"))
            try await ended(created, bulk)
            try await org.fault(#"{"kind":"expire_access_tokens"}"#)
            #expect(lines(try await bulk.results(of: created.id) { try await collect($0) }).count == 21)
        }
    }

    @Test func `a query that Bulk cannot run is refused`() async throws {
        try await SimulatedOrg.run { org in
            let bulk = BulkQuery(org.rest)
            let query = try SOQL.select(["Nope__c"], from: "Account")
            let code = await org.code {
                try await ended(try await bulk.create(query), bulk)
            }
            #expect(code == .invalidField || code == .jobFailed || code == .rejected)
        }
    }
}

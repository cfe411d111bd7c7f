import Encoding
import Foundation
import OrgSimulator
import Testing

@testable import Salesforce

/// Bulk ingest jobs of a simulated org.
struct IngestCallTests {
    private func accounts(_ org: SimulatedOrg) async throws -> [String] {
        try await org.rest.query(try SOQL.select(["Id"], from: "Account")).records
            .compactMap { $0["Id"]?.string }
    }

    private func csv(_ lines: [[String]]) -> [UInt8] {
        var bytes: [UInt8] = []
        for line in lines { CSVWriter.append(line, to: &bytes) }
        return bytes
    }

    private func ended(_ id: SalesforceID, _ bulk: BulkIngest) async throws -> IngestJob {
        var job = try await bulk.job(id)
        while !job.state.isFinal {
            try await Task.sleep(for: .milliseconds(20))
            job = try await bulk.job(id)
        }
        return job
    }

    private func rows(
        _ id: SalesforceID, _ set: BulkIngest.ResultSet, _ bulk: BulkIngest
    ) async throws -> [IngestRow] {
        var rows: [IngestRow] = []
        try await bulk.results(of: id, set) { rows += $0 }
        return rows
    }

    @Test func `updates are written, and each row has its result`() async throws {
        try await SimulatedOrg.run({ $0.accounts = 600 }) { org in
            let bulk = BulkIngest(org.rest)
            let ids = try await accounts(org)
            let job = try await bulk.create(
                object: "Account", operation: .update, options: WriteOptions(tag: "mc-1"))
            #expect(job.state == .open && job.operation == "update" && job.object == "Account")
            let lines = ids.map { [$0, "name, \"\($0)\"", "#N/A"] }
            let wrong = [["001000000000000AAA", "x", ""]]
            try await bulk.upload(
                job.id, csv: csv([["Id", "Name", "Description"]] + lines + wrong), tag: "mc-1")
            try await bulk.start(job.id, tag: "mc-1")
            let end = try await ended(job.id, bulk)
            #expect(end.state == .jobComplete && end.recordsProcessed == 601 && end.recordsFailed == 1)
            let successful = try await rows(job.id, .successful, bulk)
            #expect(Set(successful.compactMap(\.id)) == Set(ids))
            #expect(successful.allSatisfy { $0["Id"] == $0.id && $0["name"] == "name, \"\($0.id ?? "")\"" })
            let failed = try await rows(job.id, .failed, bulk)
            #expect(
                failed.map { $0["Id"] } == ["001000000000000AAA"] && failed[0].error?.code.isEmpty == false)
            #expect(try await rows(job.id, .unprocessed, bulk).isEmpty)
            try await bulk.delete(job.id)
            try await bulk.delete(job.id)
            #expect(await org.code { _ = try await bulk.job(job.id) } == .notFound)
        }
    }

    @Test func `an upsert's results name the key and whether the record is new`() async throws {
        try await SimulatedOrg.run { org in
            let bulk = BulkIngest(org.rest)
            for isNew in [true, false] {
                let job = try await bulk.create(
                    object: "Tweet__c", operation: .upsert(field: "External_ID__c"))
                try await bulk.upload(
                    job.id, csv: csv([["External_ID__c", "Text__c"], ["k1", "a"], ["k2", "b"]]))
                try await bulk.start(job.id)
                #expect(try await ended(job.id, bulk).state == .jobComplete)
                let rows = try await rows(job.id, .successful, bulk)
                #expect(Set(rows.compactMap { $0["External_ID__c"] }) == ["k1", "k2"])
                #expect(rows.map(\.isCreated) == [isNew, isNew])
            }
        }
    }

    @Test func `a job whose answers were lost is found, and can be aborted before it starts`() async throws {
        try await SimulatedOrg.run { org in
            let bulk = BulkIngest(org.rest)
            let before = Date(timeIntervalSinceNow: -60)
            let ids = try await accounts(org)
            func lose(_ method: String) async throws {
                try await org.fault(
                    #"{"kind":"lost_response","path":"/jobs/ingest","method":"\#(method)"}"#)
            }
            try await lose("POST")
            #expect(
                await org.code { _ = try await bulk.create(object: "Account", operation: .delete) }
                    == .interrupted)
            let found = try await bulk.jobs(createdSince: before)
            let job = try #require(found.first)
            #expect(found.count == 1 && job.operation == "delete" && job.createdByID != nil)
            #expect(try await bulk.jobs(createdSince: Date(timeIntervalSinceNow: 3_600)).isEmpty)
            try await lose("PUT")
            let data = csv([["Id"], [ids[0]]])
            #expect(await org.code { try await bulk.upload(job.id, csv: data) } == .interrupted)
            try await bulk.abort(job.id)
            try await bulk.abort(job.id)
            #expect(try await bulk.job(job.id).state == .aborted)
            #expect(await org.code { try await bulk.start(job.id) } == .invalidJobState)
            #expect(try await accounts(org).count == ids.count)
        }
    }

    @Test func `a deletion whose answer was lost is doubtful, and is not repeated`() async throws {
        try await SimulatedOrg.run { org in
            let ids = try await accounts(org)
            try await org.fault(
                #"{"kind":"lost_response","path":"/composite/sobjects","method":"DELETE"}"#)
            let write = RecordWrite(object: "Account", action: .delete, ids: [ids[0]])
            do {
                _ = try await org.rest.write(write, deadline: .seconds(60))
                Issue.record("no error")
            } catch let error as SalesforceError {
                #expect(error.code == .interrupted && error.isDoubtful)
            }
            #expect(try await accounts(org).count == ids.count - 1)
        }
    }

    @Test func `data that is too large is not sent`() async throws {
        try await SimulatedOrg.run { org in
            let bulk = BulkIngest(org.rest)
            let id = try SalesforceID("750R0000000zw4yIAA")
            do {
                try await bulk.upload(
                    id, csv: [UInt8](repeating: 0x41, count: SalesforceLimits.ingestBytes + 1))
                Issue.record("no error")
            } catch let error as SalesforceError {
                #expect(error.code == .tooLarge && !error.isDoubtful)
            }
        }
    }
}

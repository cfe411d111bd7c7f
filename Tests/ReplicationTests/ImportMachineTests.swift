import Foundation
import Salesforce
import Testing

@testable import Replication

/// The decisions of an import, with a clock that the tests move.
struct ImportMachineTests {
    private let start = ContinuousClock.now
    private static let job = "750000000000001AAA"

    private func machine(
        fitsAddress: Bool = true, limit: QuarantineLimit = QuarantineLimit()
    ) -> ImportMachine {
        ImportMachine(
            .init(
                objectName: "Account", bulkThreshold: 2_000, pollBudget: .seconds(10), quarantineLimit: limit,
                apiVersion: 60, fitsAddress: fitsAddress))
    }

    private func record(
        _ method: ImportRecord.Method? = nil, reason: String? = nil, bulkJob: String? = nil,
        version: Int? = nil
    ) throws -> ImportRecord {
        ImportRecord(
            id: UUID(), claim: UUID(), method: method, methodReason: reason,
            bulkJobID: try bulkJob.map { try SalesforceID($0) }, apiVersion: version, timeMark: Date())
    }

    private func bulkJob(_ state: String, processed: Int? = nil) throws -> BulkJob {
        let count = processed.map { #","numberRecordsProcessed":\#($0)"# } ?? ""
        return try BulkJob(parsing: Array(#"{"id":"\#(Self.job)","state":"\#(state)"\#(count)}"#.utf8))
    }

    /// A machine that waits for its Bulk job.
    private func waiting(reason: String? = nil) throws -> ImportMachine {
        var machine = machine()
        let open = try record(.bulk, reason: reason, bulkJob: Self.job, version: 60)
        _ = machine.next(after: .found(open, ImportProgress()), now: start)
        #expect(
            machine.next(after: .opened(open), now: start) == .checkBulkJob(try SalesforceID(Self.job)))
        return machine
    }

    private func code(_ step: ImportMachine.Step) -> ReplicationError.Code? {
        if case .fail(.replication(let error)) = step { error.code } else { nil }
    }

    @Test func `a small object is counted, queried, summed up and finished`() throws {
        var machine = machine()
        #expect(machine.next(after: .found(nil, ImportProgress()), now: start) == .open)
        #expect(machine.next(after: .opened(try record()), now: start) == .countRecords)
        #expect(machine.next(after: .counted(5), now: start) == .choose(.rest, records: 5))
        #expect(machine.next(after: .recorded(try record(.rest)), now: start) == .query)
        #expect(machine.next(after: .queried(rows: 5), now: start) == .sumUp)
        #expect(
            machine.next(after: .summed(ImportProgress(rows: 4, quarantined: 1)), now: start)
                == .finish(expected: 5, bulkJob: nil))
        #expect(machine.mappingState == nil)
    }

    @Test func `a large object is loaded by a Bulk job, which is deleted afterwards`() throws {
        let id = try SalesforceID(Self.job)
        var machine = machine()
        _ = machine.next(after: .found(nil, ImportProgress()), now: start)
        _ = machine.next(after: .opened(try record()), now: start)
        #expect(machine.next(after: .counted(2_000), now: start) == .choose(.bulk, records: 2_000))
        #expect(machine.next(after: .recorded(try record(.bulk)), now: start) == .createBulkJob)
        #expect(machine.next(after: .created(id), now: start) == .checkBulkJob(id))
        #expect(machine.mappingState == .waitBulkLoad)
        #expect(
            machine.next(after: .checked(try bulkJob("JobComplete", processed: 2_000)), now: start)
                == .loadResults(id, expected: 2_000))
        #expect(machine.mappingState == .loadingBulkJob)
        #expect(machine.next(after: .loaded, now: start) == .sumUp)
        #expect(
            machine.next(after: .summed(ImportProgress(rows: 2_000)), now: start)
                == .finish(expected: 2_000, bulkJob: id))
    }

    @Test func `checks of a Bulk job grow apart until the start gives its slot back`() throws {
        var machine = try waiting()
        var now = start
        var pauses: [Duration] = []
        while case .sleep(let pause) = machine.next(after: .checked(try bulkJob("InProgress")), now: now) {
            pauses.append(pause)
            now += pause
            #expect(machine.next(after: .slept, now: now) == .checkBulkJob(try SalesforceID(Self.job)))
        }
        #expect(pauses.prefix(3) == [.milliseconds(100), .milliseconds(120), .milliseconds(144)])
        #expect(now - start <= .seconds(10))
        #expect(
            machine.next(after: .checked(try bulkJob("InProgress")), now: now)
                == .suspend(ReplicationLimits.longestPoll))
    }

    @Test func `an open import is resumed with the method and the Bulk job that it has`() throws {
        let open = try record(.bulk, bulkJob: Self.job, version: 60)
        var machine = machine()
        #expect(machine.next(after: .found(open, ImportProgress(rows: 9)), now: start) == .resume(open))
        #expect(
            machine.next(after: .opened(open), now: start) == .checkBulkJob(try SalesforceID(Self.job)))
    }

    @Test func `an import that the quarantine limit ended is loaded again from the beginning`() throws {
        let open = try record(.rest)
        var machine = machine(limit: QuarantineLimit(rows: 0, percent: 0))
        let progress = ImportProgress(rows: 9, quarantined: 1)
        #expect(machine.next(after: .found(open, progress), now: start) == .discard(open))
        #expect(machine.next(after: .discarded, now: start) == .open)
    }

    @Test func `results of another API version are discarded`() throws {
        let open = try record(.bulk, bulkJob: Self.job, version: 59)
        var machine = machine()
        _ = machine.next(after: .found(open, ImportProgress()), now: start)
        #expect(machine.next(after: .opened(open), now: start) == .discard(open))
        #expect(code(machine.next(after: .discarded, now: start)) == .bulkJobLost)
    }

    @Test func `an object that Bulk refuses is queried, once`() throws {
        var machine = try waiting()
        let error = SalesforceError(.notSupportedByBulk)
        #expect(machine.next(after: .refused(error), now: start) == .countRecords)
        #expect(machine.next(after: .counted(5), now: start) == .change(.rest, because: error))
        let changed = try record(.rest, reason: "INVALIDENTITY")
        #expect(machine.next(after: .recorded(changed), now: start) == .query)
        let tooLarge = SalesforceError(.tooLarge)
        #expect(machine.next(after: .refused(tooLarge), now: start) == .fail(.salesforce(tooLarge)))
    }

    @Test func `a Bulk job that failed is replaced if the rows are too many for a query`() throws {
        var machine = try waiting()
        #expect(machine.next(after: .checked(try bulkJob("Failed")), now: start) == .countRecords)
        guard case .discard = machine.next(after: .counted(5_000_000), now: start) else {
            Issue.record("the rows are kept")
            return
        }
        #expect(code(machine.next(after: .discarded, now: start)) == .bulkJobLost)
    }

    @Test func `a Bulk job that Salesforce deleted is replaced`() throws {
        var machine = try waiting()
        guard case .discard = machine.next(after: .refused(SalesforceError(.notFound)), now: start) else {
            Issue.record("the rows are kept")
            return
        }
        #expect(code(machine.next(after: .discarded, now: start)) == .bulkJobLost)
    }

    @Test func `a transient error keeps the import as it is`() throws {
        var machine = try waiting()
        let error = SalesforceError(.serverUnavailable)
        #expect(machine.next(after: .refused(error), now: start) == .fail(.salesforce(error)))
    }

    @Test func `results with other columns are discarded, too many quarantined rows are kept`() throws {
        for (error, isKept) in [
            (ReplicationError(.unexpectedColumns), false), (ReplicationError(.repeatedLocator), false),
            (ReplicationError(.tooManyQuarantined), true),
        ] {
            var machine = try waiting()
            _ = machine.next(after: .checked(try bulkJob("JobComplete", processed: 5)), now: start)
            let step = machine.next(after: .failed(error), now: start)
            #expect((step == .fail(.replication(error))) == isKept)
            if !isKept { #expect(machine.next(after: .discarded, now: start) == .fail(.replication(error))) }
        }
    }

    @Test func `if rows are missing, the next start loads all rows again`() throws {
        var machine = try waiting()
        _ = machine.next(after: .checked(try bulkJob("JobComplete", processed: 5)), now: start)
        _ = machine.next(after: .loaded, now: start)
        let step = machine.next(after: .summed(ImportProgress(rows: 3, quarantined: 1)), now: start)
        guard case .discard = step else {
            Issue.record("the rows are kept")
            return
        }
        #expect(code(machine.next(after: .discarded, now: start)) == .rowCountMismatch)
    }

    @Test func `a Bulk job that does not say its number of rows is an error`() throws {
        var machine = try waiting()
        #expect(
            code(machine.next(after: .checked(try bulkJob("JobComplete")), now: start)) == .malformedResponse)
    }

    @Test func `the quota costs no attempt, permanent errors give up, others are retried`() {
        func decision(_ error: any Error, _ failures: Int = 0) -> FailedStart.Decision {
            FailedStart(error, failures: failures).decision
        }
        #expect(decision(SalesforceError(.requestLimit), 99) == .wait(.seconds(15 * 60)))
        var heldBack = SalesforceError(.heldBack)
        heldBack.retryAfterSeconds = 40
        #expect(decision(heldBack, 99) == .wait(.seconds(40)))
        heldBack.retryAfterSeconds = 400_000
        #expect(decision(heldBack, 99) == .wait(.seconds(15 * 60)))
        #expect(decision(SalesforceError(.malformedQuery)) == .giveUp)
        #expect(decision(SalesforceError(.serverUnavailable), 99) == .retry)
        #expect(decision(ReplicationError(.rowCountMismatch)) == .retry)
        #expect(decision(ReplicationError(.rowCountMismatch), 99) == .giveUp)
        #expect(decision(ReplicationError(.claimLost)) == .rethrow)
    }
}

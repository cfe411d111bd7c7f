import Support
import Testing

@testable import Replication

/// Plants a fault and runs the test of the rule that it breaks. The test must fail.
@Suite(.tags(.store), .serialized)
struct PlantedFaultTests {
    /// Fails unless `rule` records an issue while the fault is planted.
    private func expectFound(
        _ fault: PlantedFault, by rule: @escaping @Sendable () async throws -> Void
    ) async throws {
        await withKnownIssue("the planted fault \(fault.rawValue)") {
            try await PlantedFault.$planted.withValue(fault) { try await rule() }
        }
    }

    @Test func `a skipped fence is found by the tests of events and of polls`() async throws {
        try await expectFound(.skippedFence) {
            try await EventApplierTests().`a worker that lost its lease applies nothing`()
        }
        try await expectFound(.skippedFence) {
            try await PollerTests().`a worker that lost its lease merges no page and keeps the time mark`()
        }
    }

    @Test func `a dropped page is found by the test of polls with several pages`() async throws {
        try await expectFound(.droppedPage) {
            try await PollerTests()
                .`rows with equal times and late rows are not missed across pages and polls`()
        }
    }

    @Test func `an ignored gap event is found by the test of gap events`() async throws {
        try await expectFound(.ignoredGap) {
            try await EventApplierTests()
                .`gap events, missing rows and children of a deleted record are read again`()
        }
    }

    @Test func `a poll without overlap is found by the test of the late window`() async throws {
        try await expectFound(.noOverlap) {
            try await PollerTests()
                .`a poll reads from the time mark less the late window, in order, with deleted records`()
        }
    }

    @Test func `a log that is read before the row lock is found by the test of concurrent updates`()
        async throws
    {
        try await expectFound(.logBeforeLock) {
            try await RowMergerTests()
                .`an update that commits while the row's lock is awaited is not overwritten`()
        }
    }

    @Test func `a reload that ignores deletes is found by the test of reloads`() async throws {
        try await expectFound(.reloadKeepsDeleted) {
            try await ReloadTests()
                .`a reload repairs the table without emptying it, and rows that it did not read are read again`(
                    1_000)
        }
    }

    @Test func `a held event that is not stored is found by the tests of events before the answer`()
        async throws
    {
        try await expectFound(.forgottenHold) {
            try await HeldChangesTests().`the event of an insert before its answer makes no second row`()
        }
        try await expectFound(.forgottenHold) {
            try await HeldOrderTests().`events, answers and reads in any order leave one row of each record`()
        }
    }

    @Test func `a skipped look-up is found by the test of a lost answer`() async throws {
        try await expectFound(.skippedLookup) {
            try await SettlerTests().`an insert whose answer was lost is found by its values`()
        }
    }

    @Test func `an immediate resend is found by the test of the quarantine`() async throws {
        try await expectFound(.immediateResend) {
            try await SettlerTests().`nothing is sent again while the request may still run`()
        }
    }
}

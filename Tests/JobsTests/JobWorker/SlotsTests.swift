import Postgres
import Reactor
import Support
import Testing

@testable import JobWorker
@testable import Jobs

@Suite(.tags(.store))
struct SlotsTests {
    private func withClaimedJobs(
        _ count: Int, _ body: @concurrent @Sendable ([ClaimedJob]) async throws -> Void
    ) async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await JobQueue(pool: pool, logger: quietLogger).enqueue(
                (0..<count).map { _ in NewJob("Slot") }
            ).map(\.id)
            try await body(
                try await pool.withConnection {
                    try await JobStore(limits: JobsLimits()).claim(ids, for: "w", on: $0)
                })
        }
    }

    private func begin(_ job: ClaimedJob, in slots: Slots) -> RunningJob {
        slots.begin(job.record, JobRun(claim: job.claim, leaseUntil: .now + .seconds(10)))
    }

    /// A wrong answer of 0 would end the claim loop.
    @Test func `a slot that becomes free is of no use while too many ends are unrecorded`() async throws {
        try await withClaimedJobs(2) { claimed in
            var limits = JobsLimits()
            limits.unrecordedEnds = 1
            let slots = Slots(2, loops: 1, limits: limits)
            let jobs = claimed.map { begin($0, in: slots) }
            // One thread, so that the order is certain.
            await withTaskGroup(of: Int.self) { group in
                group.addTask { await slots.waitForFree() }
                await Task.yield()
                slots.end(jobs[0], isRecorded: true)
                slots.end(jobs[1], isRecorded: false)
                await Task.yield()
                slots.endRecorded(jobs[1])
                #expect(await group.next() == 1)
            }
            slots.stop()
            #expect(await slots.waitForFree() == 0)
        }
    }

    @Test func `a wait for a slot ends at its deadline and can be repeated`() async throws {
        try await withClaimedJobs(1) { claimed in
            let slots = Slots(1, loops: 1, limits: JobsLimits())
            let job = begin(claimed[0], in: slots)
            #expect(await slots.waitForFree(until: .now + .milliseconds(20)) == 0)
            #expect(await slots.waitForFree(until: .now) == 0)
            slots.end(job, isRecorded: true)
            #expect(await slots.waitForFree(until: .now) == 1)
        }
    }
}

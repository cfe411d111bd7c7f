import Jobs
import Logging
import Postgres

/// Renews the leases of all claimed jobs, and interrupts the jobs whose claim was lost.
struct LeaseKeeper: Sendable {
    let slots: Slots
    let store: JobStore
    /// The worker's own pool, so that running jobs cannot starve renewals.
    let pool: PostgresPool
    let logger: Logger

    /// Runs until cancelled.
    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: store.limits.renewal)
            await renew()
        }
    }

    private func renew() async {
        let claimed = slots.claimed
        guard !claimed.isEmpty else { return }
        // Counted from a time before the statement is sent, so that it never ends after the server's lease.
        let until = ContinuousClock.now + store.limits.lease
        do {
            let held = try await pool.withConnection(deadline: until) {
                try await store.renew(claimed.map(\.run.claim), on: $0)
            }
            for job in claimed {
                guard let isCancelled = held[job.run.claim] else {
                    interrupt(job)
                    continue
                }
                job.run.leaseUntil = until
                if isCancelled { job.run.interrupt(.cancelled) }
            }
        } catch {
            logger.debug("could not renew leases", metadata: ["error": "\(error)"])
            for job in claimed where job.run.leaseUntil < .now { job.run.interrupt(.claimLost) }
        }
    }

    /// The claim is gone: another worker has the job, or the job ended after the list of claims was made.
    private func interrupt(_ job: RunningJob) {
        guard !job.run.isCompleted, slots.running.contains(where: { $0.run === job.run }) else { return }
        job.run.interrupt(.claimLost)
    }
}

package import Jobs
import Postgres

extension JobOperator {
    /// Periodic jobs by name.
    package func periodicJobs() async throws -> [PeriodicSummary] {
        try await pool.withConnection { try await periodic.list(on: $0) }
    }

    /// Pauses a periodic job; false if it is already paused.
    /// - Throws: `JobsError` with the code `.notFound`.
    package func pausePeriodic(_ name: String, by actor: String) async throws -> Bool {
        try await pool.transaction { connection in
            guard try await periodic.pause(name, by: actor, on: connection) else { return false }
            try await activity.note("jobs.periodic_pause", by: actor, detail: name, on: connection)
            return true
        }
    }

    /// Ends the pause of a periodic job; false if it is not paused.
    /// - Throws: `JobsError` with the code `.notFound`, or `.schedule` if its schedule is not valid.
    package func resumePeriodic(_ name: String, by actor: String) async throws -> Bool {
        try await pool.transaction { connection in
            guard try await periodic.resume(name, on: connection) else { return false }
            try await activity.note("jobs.periodic_resume", by: actor, detail: name, on: connection)
            return true
        }
    }

    /// Enqueues a run outside the schedule.
    /// - Throws: `JobsError` with the code `.notFound`.
    package func runPeriodic(_ name: String, by actor: String) async throws -> JobID {
        let job = try await pool.transaction { connection in
            let job = try await periodic.runNow(name, on: connection)
            try await activity.note("jobs.periodic_run", by: actor, job: job.id, detail: name, on: connection)
            return job
        }
        await queue.push([job])
        return job.id
    }
}

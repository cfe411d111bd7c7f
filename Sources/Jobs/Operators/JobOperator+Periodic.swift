import Postgres

extension JobOperator {
    /// Jobs that run again and again, by name.
    package func periodicJobs() async throws -> [PeriodicSummary] {
        try await pool.withConnection { try await periodic.list(on: $0) }
    }

    /// Lets a periodic job tick no more; false when it was paused already.
    /// - Throws: `JobsError` with the code `.notFound`.
    package func pausePeriodic(_ name: String, by actor: String) async throws -> Bool {
        try await pool.transaction { connection in
            guard try await periodic.pause(name, by: actor, on: connection) else { return false }
            try await activity.note("jobs.periodic_pause", by: actor, detail: name, on: connection)
            return true
        }
    }

    /// Lets a periodic job tick again; false when it was not paused.
    /// - Throws: `JobsError` with the code `.notFound`, or `.schedule` when its schedule cannot be read.
    package func resumePeriodic(_ name: String, by actor: String) async throws -> Bool {
        try await pool.transaction { connection in
            guard try await periodic.resume(name, on: connection) else { return false }
            try await activity.note("jobs.periodic_resume", by: actor, detail: name, on: connection)
            return true
        }
    }

    /// Enqueues a run beside the schedule.
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

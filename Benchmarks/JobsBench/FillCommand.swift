import ArgumentParser
import FoundationEssentials
import JobWorker
import Jobs
import Postgres
import Reactor

/// Empties the tables and enqueues jobs, which wait for a worker.
struct FillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "fill")

    @OptionGroup var options: BenchOptions
    @Option(name: .customLong("class"), help: "The jobs' class.") var kind = BenchClass.noop
    @Option(help: "How many jobs.") var count = 20_000
    @Option(help: "Over so many tenants; 0 for jobs of no tenant.") var tenants = 0

    func run() async throws {
        let loop = try await options.workerLoops()[0]
        let (kind, count) = (kind, count)
        let organizations = (0..<tenants).map { _ in UUID() }
        try await withTaskExecutorPreference(loop.executor) {
            try await Self.fill(loop, kind, count, organizations)
        }
    }

    @concurrent
    private static func fill(
        _ loop: WorkerLoop, _ kind: BenchClass, _ count: Int, _ organizations: [UUID]
    ) async throws {
        try await loop.pool.withConnection { connection in
            try await connection.script("truncate multiconnect.jobs cascade; truncate effects")
        }
        for start in stride(from: 0, to: count, by: 500) {
            let jobs = try await loop.pool.transaction { connection in
                var jobs: [EnqueuedJob] = []
                for number in start..<min(start + 500, count) {
                    let tenant = organizations.isEmpty ? nil : organizations[number % organizations.count]
                    let job = NewJob(kind.rawValue, arguments: [number], organizationID: tenant)
                    jobs.append(try await loop.queue.enqueue(job, on: connection))
                }
                return jobs
            }
            await loop.queue.push(jobs)
        }
        // As autovacuum does before a real backlog of this size is processed.
        try await loop.pool.withConnection { try await $0.script("analyze multiconnect.jobs") }
    }
}

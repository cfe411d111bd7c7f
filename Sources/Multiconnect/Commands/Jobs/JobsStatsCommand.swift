import ArgumentParser
import Encoding
import FoundationEssentials
import JobAdmin
import Jobs

/// `multiconnect jobs stats`
struct JobsStatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Shows counts, queues with their latency, workers with their jobs, pauses and weights.",
        discussion: "10,000+ means that counting stopped at 10,000. ~ marks an estimate.")

    @Flag(help: "Print JSON.") var json = false

    /// The values to print.
    private struct Stats {
        let census: JobCensus
        let workers: [WorkerStatus]
        let running: [JobSummary]
        let pauses: [JobPause]
        let weights: [TenantWeight]
        let totals: JobTotals?
    }

    func run() async throws {
        try await JobsSession.open { [self] session in
            var filter = JobFilter()
            filter.states = [.running]
            let stats = Stats(
                census: try await session.jobs.census(), workers: try await session.jobs.workers(),
                running: try await session.jobs.list(filter, limit: 1000).jobs,
                pauses: try await session.jobs.pausedScopes(),
                weights: try await session.jobs.tenantWeights(),
                totals: await session.jobs.totals())
            print(json ? Self.json(stats, session.jobs.mask).text : Self.text(stats))
        }
    }

    private static func json(_ stats: Stats, _ mask: ArgumentMask) -> JSONText {
        let queues = stats.census.queues.map { queue in
            JSONText.object([
                ("name", .string(queue.name)),
                ("latency_seconds", queue.latency.map { .seconds($0 / .seconds(1)) } ?? .null),
                ("counts", JobsJSON.counts(queue.counts)),
            ])
        }
        let classes = stats.census.classes.map { name, counts in
            JSONText.object([("name", .string(name)), ("counts", JobsJSON.counts(counts))])
        }
        let workers = stats.workers.map { worker in
            JobsJSON.worker(worker, running: stats.running.filter { $0.worker == worker.identity }, mask)
        }
        let totals = stats.totals.map { totals in
            JSONText.object([
                ("processed", .number(totals.processed)), ("failed", .number(totals.failed)),
                ("processed_today", .number(totals.processedToday)),
                ("failed_today", .number(totals.failedToday)),
            ])
        }
        return .object([
            ("time", .time(stats.census.time)), ("states", JobsJSON.counts(stats.census.states)),
            ("queues", .array(queues)), ("classes", .array(classes)), ("workers", .array(workers)),
            ("pauses", .array(stats.pauses.map(JobsJSON.pause))),
            ("weights", .array(stats.weights.map(JobsJSON.weight))), ("totals", totals ?? .null),
        ])
    }

    private static func text(_ stats: Stats) -> String {
        let now = stats.census.time
        var parts: [String] = []
        parts.append(
            JobState.allCases.map { "\($0.rawValue) \(stats.census[$0])" }.joined(separator: "   "))
        if let totals = stats.totals {
            parts.append(
                "processed \(JobCount(totals.processed)), failed \(JobCount(totals.failed)); "
                    + "today processed \(JobCount(totals.processedToday)), "
                    + "failed \(JobCount(totals.failedToday))"
            )
        } else {
            parts.append(
                "redis does not answer: workers claim jobs from postgres, totals are unknown")
        }
        let states: [JobState] = [.queued, .running, .scheduled, .retry, .held, .dead]
        let header = states.map { $0.rawValue.uppercased() }
        let cells = { (counts: [JobState: JobCount]) in states.map { "\(counts[$0] ?? JobCount(0))" } }
        parts.append(
            TextTable.text(
                ["QUEUE"] + header + ["OLDEST WAITS"],
                stats.census.queues.map { queue in
                    let latency = queue.latency.map { JobsText.duration($0 / .seconds(1)) } ?? "-"
                    return [queue.name] + cells(queue.counts) + [latency]
                }))
        parts.append(
            TextTable.text(["CLASS"] + header, stats.census.classes.map { [$0.name] + cells($0.counts) }))
        parts.append(workers(stats, now: now))
        if !stats.pauses.isEmpty {
            parts.append(
                TextTable.text(
                    ["PAUSED", "HELD JOBS", "BY", "SINCE", "REASON"],
                    stats.pauses.map { pause in
                        [
                            pause.scope.key, "\(pause.held)", JobsText.plain(pause.actor),
                            JobsText.distance(pause.createdAt, from: now),
                            JobsText.plain(pause.reason ?? "-", length: 80),
                        ]
                    }))
        }
        if !stats.weights.isEmpty {
            parts.append(
                TextTable.text(
                    ["TENANT", "JOBS PER TURN", "BY", "SINCE"],
                    stats.weights.map { weight in
                        [
                            weight.organizationID.uuidString.lowercased(), "\(weight.weight)",
                            JobsText.plain(weight.actor), JobsText.distance(weight.createdAt, from: now),
                        ]
                    }))
        }
        return parts.joined(separator: "\n\n")
    }

    private static func workers(_ stats: Stats, now: Date) -> String {
        guard !stats.workers.isEmpty else { return "no workers" }
        var rows: [[String]] = []
        for worker in stats.workers {
            let running = stats.running.filter { $0.worker == worker.identity }
            rows.append([
                JobsText.plain(worker.identity), worker.condition.rawValue,
                "\(running.count)/\(worker.concurrency)",
                JobsText.distance(worker.beatAt, from: now), worker.version ?? "-",
            ])
            for job in running {
                let since = job.startedAt.map { JobsText.duration(now.timeIntervalSince($0)) } ?? "-"
                rows.append([
                    "  \(job.id)", job.className, "", "for \(since)", JobsText.plain(job.progress ?? ""),
                ])
            }
        }
        return TextTable.text(["WORKER", "STATE", "BUSY", "HEARTBEAT", "VERSION"], rows)
    }
}

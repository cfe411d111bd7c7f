import FoundationEssentials
import JobAdmin
import Jobs
import Metrics
import Replication

/// The content of `/metrics`, in Prometheus' text format. If Postgres or Redis does not answer, its metrics
/// are missing and `multiconnect_up` is 0 for it.
struct MetricsPage: Sendable {
    /// The metrics from Postgres.
    struct Queue: Sendable {
        let census: JobCensus
        let workers: [WorkerStatus]
    }

    let version: String
    /// Nil while Postgres does not answer.
    let queue: Queue?
    /// Nil while Postgres does not answer.
    let tenants: TenantFigures?
    /// Nil while Redis does not answer.
    let board: MetricsBoard.Contents?
    /// The report of the process that answers this request.
    let own: ProcessReport

    enum Limits {
        /// How many queues have their own name in the metrics. Bounded, because other Sidekiq clients may
        /// create any number of queues.
        static let queues = 100
        /// The name for all other queues.
        static let others = "other"
    }

    var text: String {
        var page = Exposition()
        page.add(Self.build, [.init(1, .init("version", version))])
        page.add(
            Self.isUp,
            [
                .init(queue == nil ? 0 : 1, .init("part", "postgres")),
                .init(board == nil ? 0 : 1, .init("part", "redis")),
            ])
        if let queue { add(queue, to: &page) }
        if let tenants { TenantMetrics(figures: tenants).add(to: &page) }
        if let totals = board?.totals {
            for metric in JobMetric.all { page.add(metric, by: "class", from: totals) }
            for metric in ChangeMetric.all { page.add(metric, by: "kind", from: totals) }
            page.add(ImportMetric.rows, by: "kind", from: totals)
            for metric in WriteMetric.all { page.add(metric, by: "kind", from: totals) }
            for metric in [RequestMetric.requests, RequestMetric.duration] {
                page.add(metric, by: "status", from: totals)
            }
            page.add(RegistrationMetric.registrations, by: "outcome", from: totals)
        }
        addReports(to: &page)
        return page.text
    }

    private func add(_ queue: Queue, to page: inout Exposition) {
        let census = queue.census
        page.add(
            Self.jobs,
            JobState.allCases.map { .init(Double(census[$0].value), .init("state", $0.rawValue)) })
        let queues = Self.bounded(census.queues)
        page.add(
            Self.queueJobs,
            queues.flatMap { queue in
                JobState.allCases.compactMap { state in
                    queue.counts[state].map {
                        .init(Double($0.value), .init("queue", queue.name), .init("state", state.rawValue))
                    }
                }
            })
        let latencies = queues.map { ($0.name, $0.latency ?? .zero) }
        page.add(Self.queueOldest, latencies.map { .init($1 / .seconds(1), .init("queue", $0)) })
        page.add(Self.oldest, [.init((latencies.map(\.1).max() ?? .zero) / .seconds(1))])
        let alive = queue.workers.filter(\.isAlive)
        page.add(
            Self.workers,
            WorkerStatus.Condition.allCases.map { condition in
                let count = queue.workers.count { $0.condition == condition }
                return .init(Double(count), .init("state", condition.rawValue))
            })
        page.add(Self.slots, [.init(Double(alive.reduce(0) { $0 + $1.concurrency }))])
        page.add(Self.busySlots, [.init(Double(alive.reduce(0) { $0 + $1.busy }))])
    }

    private func addReports(to page: inout Exposition) {
        let others = (board?.reports ?? []).filter { $0.identity != own.identity }
        for metric in ProcessMetric.all {
            page.add(
                metric,
                ([own] + others).compactMap { report in
                    report[metric].map {
                        .init($0, .init("role", report.role), .init("process", report.identity))
                    }
                })
        }
    }

    /// The largest queues by name, and one entry for all the others.
    static func bounded(_ queues: [JobCensus.Queue]) -> [JobCensus.Queue] {
        guard queues.count > Limits.queues else { return queues }
        let size = { (queue: JobCensus.Queue) in queue.counts.values.reduce(0) { $0 + $1.value } }
        let sorted = queues.sorted { (size($1), $0.name) < (size($0), $1.name) }
        let rest = sorted[(Limits.queues - 1)...]
        let others = JobCensus.Queue(
            name: Limits.others, counts: rest.reduce(into: [:]) { $0.merge($1.counts) { $0 + $1 } },
            latency: rest.compactMap(\.latency).max())
        return sorted[..<(Limits.queues - 1)].sorted { $0.name < $1.name } + [others]
    }
}

// Metrics that are read for each request.
extension MetricsPage {
    private static let build = Metric("multiconnect_build_info", .gauge, "The program's version.")
    private static let isUp = Metric(
        "multiconnect_up", .gauge,
        "1 if Postgres or Redis answers. If it is 0, the metrics of that part are missing.")
    private static let jobs = Metric(
        "multiconnect_jobs", .gauge,
        "Jobs by state. Above 10,000 per state it is the planner's estimate.")
    private static let queueJobs = Metric(
        "multiconnect_queue_jobs", .gauge,
        "Jobs by queue and state, except done. Counting stops at 10,000 per state.")
    private static let queueOldest = Metric(
        "multiconnect_queue_oldest_waiting_seconds", .gauge,
        "How long the oldest due job of a queue has waited.")
    private static let oldest = Metric(
        "multiconnect_oldest_waiting_job_seconds", .gauge,
        "How long the oldest due job has waited; 0 without due jobs.")
    private static let workers = Metric(
        "multiconnect_workers", .gauge,
        "Worker processes by state. A lost one has no heartbeat and no session lock in Postgres."
    )
    private static let slots = Metric(
        "multiconnect_worker_slots", .gauge, "Slots of all workers: the jobs that can run at once.")
    private static let busySlots = Metric(
        "multiconnect_worker_slots_busy", .gauge, "Slots with a job, from the workers' last heartbeat.")
}

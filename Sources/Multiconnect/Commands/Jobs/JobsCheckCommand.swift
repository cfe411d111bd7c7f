import ArgumentParser
import Jobs

/// `multiconnect jobs check`
struct JobsCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Proves that jobs run: enqueues some of its own, and counts what they did.",
        discussion: """
            Each job writes one row in the transaction that completes it. Ends with status 0 when every \
            job has run and had its effect exactly once, else with 1. Kill, stop and empty what you like \
            meanwhile.
            """)

    @Option(help: "Jobs to enqueue, at most \(Self.most).") var jobs = 100
    @Option(help: "Made-up tenants that they are spread over; 0: they are of no tenant.") var tenants = 10
    @Option(help: "Milliseconds that each takes to run.") var milliseconds = 0
    @Option(help: "Seconds that the workers have for all of them.") var within = 60
    @Flag(help: "Leave the rows in multiconnect.job_probes.") var keep = false

    private static let most = 50_000

    func validate() throws {
        guard (1...Self.most).contains(jobs) else {
            throw ValidationError("--jobs takes 1 to \(Self.most)")
        }
        guard (0...65_535).contains(tenants) else { throw ValidationError("--tenants takes 0 to 65535") }
        let longest = Int(ProbeJob.longest / .milliseconds(1))
        guard (0...longest).contains(milliseconds) else {
            throw ValidationError("--milliseconds takes 0 to \(longest)")
        }
        guard within > 0 else { throw ValidationError("--within takes 1 or more") }
    }

    func run() async throws {
        var plan = QueueCheck.Plan()
        plan.jobs = jobs
        plan.tenants = tenants
        plan.duration = .milliseconds(milliseconds)
        plan.patience = .seconds(within)
        plan.keepsRows = keep
        try await JobsDesk.open { [plan] desk in
            let finding = try await QueueCheck(pool: desk.pool, queue: desk.queue).run(plan)
            print(Self.text(finding))
            if !finding.isGood { throw ExitCode.failure }
        }
    }

    private static func text(_ finding: QueueCheck.Finding) -> String {
        let count = finding.count
        var lines = [
            "\(JobCount(finding.jobs).of("job")): \(count.numbers) had their effect, \(finding.lost) had none, \(finding.doubled) too many",
            "enqueued in \(seconds(finding.enqueuing)), run in \(seconds(finding.running))",
        ]
        if count.open > 0 { lines.append("\(count.open) have not ended; is a worker running?") }
        if count.failed > 0 { lines.append("\(count.failed) are dead or were cancelled") }
        return lines.joined(separator: "\n")
    }

    private static func seconds(_ duration: Duration) -> String {
        let milliseconds = Int(duration / .milliseconds(1))
        let part = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - part.count) + part + " s"
    }
}

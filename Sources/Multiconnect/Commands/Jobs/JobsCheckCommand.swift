import ArgumentParser
import JobAdmin
import Jobs

/// `multiconnect jobs check`
struct JobsCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks that jobs run: enqueues test jobs and counts their effects.",
        discussion: """
            Each job writes one row in the transaction that completes it. The exit status is 0 if each job \
            had its effect exactly once, else 1. You may kill workers, Redis or Postgres while it runs.
            """)

    @Option(help: "Jobs to enqueue, at most \(Self.most).") var jobs = 100
    @Option(help: "Made-up tenants for the jobs; 0: jobs without a tenant.") var tenants = 10
    @Option(help: "Milliseconds that each job runs.") var milliseconds = 0
    @Option(help: "Seconds within which all jobs must end.") var within = 60
    @Flag(help: "Keep the rows in multiconnect.job_probes.") var keep = false

    private static let most = 50_000

    func validate() throws {
        guard (1...Self.most).contains(jobs) else {
            throw ValidationError("--jobs is \(jobs): it must be from 1 to \(Self.most)")
        }
        guard (0...65_535).contains(tenants) else {
            throw ValidationError("--tenants is \(tenants): it must be from 0 to 65535")
        }
        let longest = Int(ProbeJob.longest / .milliseconds(1))
        guard (0...longest).contains(milliseconds) else {
            throw ValidationError("--milliseconds is \(milliseconds): it must be from 0 to \(longest)")
        }
        guard within > 0 else { throw ValidationError("--within is \(within): it must be at least 1") }
    }

    func run() async throws {
        var plan = QueueCheck.Plan()
        plan.jobs = jobs
        plan.tenants = tenants
        plan.duration = .milliseconds(milliseconds)
        plan.timeout = .seconds(within)
        plan.keepsRows = keep
        try await JobsSession.open { [plan] session in
            let finding = try await QueueCheck(pool: session.pool, queue: session.queue).run(plan)
            print(Self.text(finding))
            if !finding.isGood { throw ExitCode.failure }
        }
    }

    private static func text(_ finding: QueueCheck.Finding) -> String {
        let count = finding.count
        var lines = [
            "\(JobCount(finding.jobs).of("job")): \(count.numbers) had their effect, "
                + "\(finding.lost) had none, \(finding.doubled) had it more than once",
            "enqueued in \(seconds(finding.enqueuing)), run in \(seconds(finding.running))",
        ]
        if count.open > 0 { lines.append("\(count.open) have not ended: is a worker running?") }
        if count.failed > 0 { lines.append("\(count.failed) are dead or cancelled") }
        return lines.joined(separator: "\n")
    }

    private static func seconds(_ duration: Duration) -> String {
        let milliseconds = Int(duration / .milliseconds(1))
        let part = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - part.count) + part + " s"
    }
}

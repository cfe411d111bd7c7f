import FoundationEssentials
import JobAdmin
import Jobs
import Reactor
import Replication

/// Waits for queued reloads and shows their progress.
struct ReloadWait {
    let session: JobsSession
    /// The longest wait, in seconds.
    let seconds: Int

    private static let pause = Duration.milliseconds(500)

    /// Prints each reload when it ends. Throws `CommandFailure` if one failed or the time is over.
    func run(_ reloads: [(mapping: MappingSummary, job: JobID)]) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        let bar = ProgressBar("reload")
        defer { bar.clear() }
        var open = reloads
        var ended: (rows: Int, failed: Int) = (0, 0)
        while true {
            var progress: [JobProgress] = []
            for (mapping, id) in open {
                let job = try await session.jobs.find(id)?.summary
                let own = job?.progress.flatMap { JobProgress($0) }
                guard let job, [.done, .dead, .cancelled].contains(job.state) else {
                    if let own { progress.append(own) }
                    continue
                }
                open.removeAll { $0.job == id }
                ended.rows += own?.rows ?? 0
                ended.failed += job.state == .done ? 0 : 1
                bar.clear()
                let text =
                    job.state == .done ? "reloaded" : "\(job.state.rawValue): \(job.errorMessage ?? "-")"
                print(JobsText.plain("\(mapping.objectName): \(text)"))
            }
            guard !open.isEmpty else { break }
            show(progress, ended.rows, of: open.count, bar)
            guard .now < deadline else {
                throw CommandFailure(
                    "\(JobCount(open.count).of("reload")) not finished after \(seconds) s; "
                        + "they continue if a worker runs",
                    code: CommandFailure.temporary)
            }
            // Behind a pipe the lines would otherwise be seen at the end.
            try StandardOutput.flushPrinted()
            try await Task.sleep(for: Self.pause)
        }
        guard ended.failed == 0 else {
            throw CommandFailure("\(JobCount(ended.failed).of("reload")) failed; see multiconnect jobs list")
        }
    }

    /// The rows of all reloads; their total is known if each has begun and knows its own.
    private func show(_ progress: [JobProgress], _ ended: Int, of count: Int, _ bar: ProgressBar) {
        let rows = ended + progress.reduce(0) { $0 + ($1.rows ?? 0) }
        let totals = progress.compactMap(\.total)
        bar.show(done: rows, total: totals.count == count ? ended + totals.reduce(0, +) : nil)
    }
}

internal import Encoding
import FoundationEssentials
import JobIndex
import JobWorker
import Jobs
import Logging
import Reactor

/// The worker as a process on Sidekiq's pages, which can send it signals.
struct SidekiqProcess: Sendable {
    let settings: WorkerSettings
    let residentKilobytes: @Sendable () -> Int
    let index: QueueIndex
    let tallies: RunTallies
    /// Tallies of sent heartbeats whose metrics could not be written.
    private let unwritten = RunTallies()
    let startedAt = Date()
    let logger: Logger

    /// Sends heartbeats until cancelled.
    func run(_ worker: Worker) async {
        var roundTrip: Duration = .zero
        while !Task.isCancelled {
            let start = ContinuousClock.now
            do {
                // Given up halfway, its counts would be sent once more.
                let signal = try await withCancellationShield { [roundTrip] in
                    try await beat(worker, roundTrip: roundTrip)
                }
                roundTrip = .now - start
                obey(signal, worker)
            } catch {
                logger.debug("could not send heartbeat to redis", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: settings.limits.reconciliation)
        }
    }

    /// Sends the last counts and removes the process.
    func deregister(_ worker: Worker) async {
        do {
            _ = try await beat(worker, roundTrip: .zero)
            try await index.deregister(settings.identity.text)
        } catch {
            logger.debug("could not deregister worker", metadata: ["error": "\(error)"])
        }
    }

    /// Sends a heartbeat with the counts since the last one. Returns the signal that a page sent, if any.
    private func beat(_ worker: Worker, roundTrip: Duration) async throws -> String? {
        let counts = tallies.take()
        let signal: String?
        do {
            signal = try await index.heartbeat(arguments(worker, roundTrip: roundTrip, counts: counts))
        } catch {
            tallies.giveBack(counts)
            throw error
        }
        unwritten.giveBack(counts)
        let metrics = unwritten.take()
        do {
            try await index.add(metrics)
        } catch {
            unwritten.giveBack(metrics)
            logger.debug("could not write run metrics to redis", metadata: ["error": "\(error)"])
        }
        return signal
    }

    private func obey(_ signal: String?, _ worker: Worker) {
        switch signal {
        case "TSTP": worker.quiet()
        case "TERM": worker.stop()
        case "TTIN":
            // For this signal Sidekiq prints the stacks of its threads. This worker logs its running jobs.
            for job in worker.runningJobs {
                logger.notice(
                    "job running",
                    metadata: [
                        "job": "\(job.record.id)", "class": "\(job.record.className)",
                        "since": "\(job.startedAt.formatted(.iso8601))",
                    ])
            }
        default: break
        }
    }

    private func arguments(
        _ worker: Worker, roundTrip: Duration, counts: RunCounts
    ) -> [String] {
        let now = Date()
        let running = worker.runningJobs
        let total = counts.classes.values.reduce(into: RunTally()) { $0.add($1) }
        var arguments = [
            settings.identity.text, information, String(running.count), SidekiqPayload.seconds(now),
            String(roundTrip.components.attoseconds / 1_000_000_000_000), worker.isQuiet ? "true" : "false",
            String(residentKilobytes()), CivilDay(now).description, String(total.processed),
            String(total.failed),
        ]
        for job in running {
            let payload = JSONText.quoted(job.record.payload.waiting)
            let lane = JSONText.quoted(job.record.lane.text)
            // The thread's name: a short text that is unique per job.
            arguments.append(String(job.record.id.text.prefix(12)))
            let start = Int(job.startedAt.timeIntervalSince1970)
            arguments.append(#"{"queue":\#(lane),"payload":\#(payload),"run_at":\#(start)}"#)
        }
        return arguments
    }

    /// The union of what Sidekiq 6 to 8 read. They ignore unknown fields.
    private var information: String {
        let hostname = JSONText.quoted(settings.identity.hostname)
        let identity = JSONText.quoted(settings.identity.text)
        return """
            {"hostname":\(hostname),"started_at":\(SidekiqPayload.seconds(startedAt)),\
            "pid":\(settings.identity.processID),"tag":"multiconnect","concurrency":\(settings.concurrency),\
            "queues":["default"],"labels":[],"identity":\(identity),"weights":[{"default":0}],\
            "version":"7.0.0","embedded":false}
            """
    }
}

internal import Encoding
import FoundationEssentials
import Logging
import Redis

/// The worker as Sidekiq's pages show it: a process with its running jobs. They may also send it a signal.
struct SidekiqProcess: Sendable {
    let settings: WorkerSettings
    let state: WorkerState
    let index: JobIndex
    let startedAt = Date()
    let logger: Logger

    /// Beats until cancelled.
    func run() async {
        var roundTrip: Duration = .zero
        await checkMemory()
        while !Task.isCancelled {
            let start = ContinuousClock.now
            let counts = state.takeCounts()
            do {
                let signal = try await index.beat(beat(roundTrip: roundTrip, counts: counts))
                roundTrip = .now - start
                await tellTallies()
                obey(signal)
            } catch {
                state.giveBack(counts)
                logger.debug("no heartbeat in Redis", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: settings.limits.reconciliation)
        }
    }

    private func tellTallies() async {
        let tallies = state.tallies.take()
        do {
            try await index.tell(tallies)
        } catch {
            state.tallies.giveBack(tallies)
            logger.debug("runs were not told to Redis", metadata: ["error": "\(error)"])
        }
    }

    /// Says that the process has stopped.
    func leave() async {
        do {
            _ = try await index.beat(beat(roundTrip: .zero, counts: state.takeCounts()))
            await tellTallies()
            try await index.farewell(settings.identity.text)
        } catch {
            logger.debug("no farewell in Redis", metadata: ["error": "\(error)"])
        }
    }

    /// Redis that drops keys when its memory is full drops jobs: they come back from their rows, but late.
    private func checkMemory() async {
        guard let policy = try? await index.redis.evictionPolicy(), policy != "noeviction" else { return }
        logger.warning(
            "Redis may drop keys when its memory is full; set maxmemory-policy to noeviction",
            metadata: ["policy": "\(policy)"])
    }

    private func obey(_ signal: String?) {
        switch signal {
        case "TSTP": state.quiet()
        case "TERM": state.stop()
        case "TTIN":
            // Sidekiq prints its threads' stacks; what a slot of ours is at is its job.
            for job in state.running {
                logger.notice(
                    "running",
                    metadata: [
                        "job": "\(job.record.id)", "class": "\(job.record.className)",
                        "since": "\(job.startedAt.formatted(.iso8601))",
                    ])
            }
        default: break
        }
    }

    private func beat(roundTrip: Duration, counts: (processed: Int, failed: Int)) -> [String] {
        let now = Date()
        let running = state.running
        var arguments = [
            settings.identity.text, information, String(running.count), SidekiqPayload.seconds(now),
            String(roundTrip.components.attoseconds / 1_000_000_000_000), state.isQuiet ? "true" : "false",
            String(settings.residentKilobytes()), CivilDay(now).description, String(counts.processed),
            String(counts.failed),
        ]
        for job in running {
            let payload = JSONText.quoted(job.record.payload.waiting)
            let lane = JSONText.quoted(job.record.lane.text)
            // Sidekiq's thread names are short texts; a job's id is one, and no two jobs share it.
            arguments.append(String(job.record.id.text.prefix(12)))
            let start = Int(job.startedAt.timeIntervalSince1970)
            arguments.append(#"{"queue":\#(lane),"payload":\#(payload),"run_at":\#(start)}"#)
        }
        return arguments
    }

    /// What versions 6 to 8 of Sidekiq read, together: they ignore what they do not know.
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

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
                obey(signal)
            } catch {
                state.giveBack(counts)
                logger.debug("no heartbeat in Redis", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: settings.limits.reconciliation)
        }
    }

    /// Says that the process has stopped.
    func leave() async {
        do {
            _ = try await index.beat(beat(roundTrip: .zero, counts: state.takeCounts()))
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
        default: break
        }
    }

    private func beat(roundTrip: Duration, counts: (processed: Int, failed: Int)) -> [String] {
        let now = Date()
        let running = state.running
        var arguments = [
            settings.identity.text, information, String(running.count), SidekiqPayload.seconds(now),
            String(roundTrip.components.attoseconds / 1_000_000_000_000), state.isQuiet ? "true" : "false",
            String(settings.residentKilobytes()), Self.day(now), String(counts.processed),
            String(counts.failed),
        ]
        for job in running {
            let payload = SidekiqPayload.quoted(job.record.payload.waiting)
            let lane = SidekiqPayload.quoted(job.record.lane.text)
            // Sidekiq's thread names are short texts; a job's id is one, and no two jobs share it.
            arguments.append(String(job.record.id.text.prefix(12)))
            arguments.append(
                #"{"queue":\#(lane),"payload":\#(payload),"run_at":\#(Int(now.timeIntervalSince1970))}"#)
        }
        return arguments
    }

    /// What versions 6 to 8 of Sidekiq read, together: they ignore what they do not know.
    private var information: String {
        let hostname = SidekiqPayload.quoted(settings.identity.hostname)
        let identity = SidekiqPayload.quoted(settings.identity.text)
        return """
            {"hostname":\(hostname),"started_at":\(SidekiqPayload.seconds(startedAt)),\
            "pid":\(settings.identity.processID),"tag":"multiconnect","concurrency":\(settings.concurrency),\
            "queues":["default"],"labels":[],"identity":\(identity),"weights":[{"default":0}],\
            "version":"7.0.0","embedded":false}
            """
    }

    /// The day in UTC, as Sidekiq names its daily counters.
    static func day(_ time: Date) -> String {
        // Civil-from-days: an era is 400 years, 146,097 days, beginning on a 1 March.
        let days = Int((time.timeIntervalSince1970 / 86400).rounded(.down)) + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let pad = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(pad(month))-\(pad(day))"
    }
}

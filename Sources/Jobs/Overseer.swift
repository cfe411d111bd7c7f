import Logging
import Postgres

/// The worker's own connection. Its session proves by an advisory lock that the worker lives; over it the
/// worker looks after the queue as a whole: jobs of workers that fell silent, jobs that Redis does not know.
struct Overseer: Sendable {
    let settings: WorkerSettings
    let state: WorkerState
    let workers: WorkerStore
    let reconciler: Reconciler
    let ticker: PeriodicTicker
    let logger: Logger

    /// Runs until cancelled; opens the connection again, with pauses, whenever it is lost.
    func run() async {
        var pause: Duration = .milliseconds(100)
        var outage = Outage("Postgres does not answer", until: "Postgres answers again")
        while !Task.isCancelled {
            do {
                let connection = try await connect()
                defer { connection.close() }
                outage.finish(logger)
                pause = .milliseconds(100)
                try await watch(over: connection)
            } catch {
                outage.begin(error, logger)
            }
            try? await Task.sleep(for: pause)
            // Shorter than the time after which others take this worker for dead.
            pause = min(pause * 2, settings.limits.silence / 2)
        }
    }

    private func connect() async throws -> PostgresConnection {
        var configuration = settings.database
        configuration.answerTimeout = settings.limits.call
        // A worker that is stopped in the middle of a transaction must not keep the others from reconciling for
        // longer than one whose session has ended.
        let silence = Int(settings.limits.silence / .milliseconds(1))
        configuration.settings["idle_in_transaction_session_timeout"] = "\(silence)"
        let connection = try await PostgresConnection.connect(
            configuration, deadline: .now + settings.limits.call)
        do {
            try await workers.register(
                settings.identity, lockKey: Int.random(in: 1...Int(Int32.max)),
                concurrency: settings.concurrency, version: settings.version, on: connection)
        } catch {
            connection.close()
            throw error
        }
        return connection
    }

    private func watch(over connection: PostgresConnection) async throws {
        var missingSince: [String: ContinuousClock.Instant] = [:]
        var nextPass = ContinuousClock.now
        while true {
            let missing = try await workers.silent(on: connection).filter { $0 != settings.identity.text }
            let now = ContinuousClock.now
            missingSince = Dictionary(
                uniqueKeysWithValues: missing.map { ($0, missingSince[$0] ?? now) })
            let silent = missing.filter { worker in
                missingSince[worker].map { now - $0 >= settings.limits.silence } ?? false
            }
            var isDue = !silent.isEmpty || ContinuousClock.now >= nextPass
            // Known at the next look, not at the next pass.
            if !isDue { isDue = try await reconciler.isLeaseOver(on: connection) }
            if isDue {
                let isThrough = try await reconciler.pass(silent: silent.sorted(), on: connection)
                try await workers.beat(
                    settings.identity, busy: state.busy, isQuiet: state.isQuiet, on: connection)
                nextPass = isThrough ? .now + settings.limits.reconciliation : .now
            }
            try await ticker.tick(on: connection)
            guard nextPass > .now else { continue }
            try await Task.sleep(for: settings.limits.livenessCheck)
        }
    }
}

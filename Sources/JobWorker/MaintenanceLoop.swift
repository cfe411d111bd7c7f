import Jobs
import Logging
import Postgres
import Reactor

/// Maintenance of the queue as a whole, over a connection of its own. The connection's session holds an
/// advisory lock that proves that the worker lives.
struct MaintenanceLoop: Sendable {
    let settings: WorkerSettings
    let slots: Slots
    let workers: WorkerStore
    let reconciler: Reconciler
    let ticker: PeriodicTicker
    let logger: Logger

    /// Runs until cancelled. Reconnects with back-off.
    func run() async {
        // At most half the time after which this worker is lost.
        var backoff = Backoff(initial: .milliseconds(100), maximum: settings.limits.sessionLoss / 2)
        var outage = Outage("postgres unavailable", until: "postgres available again")
        while !Task.isCancelled {
            do {
                let connection = try await connect()
                defer { connection.close() }
                outage.finish(logger)
                backoff.reset()
                try await maintain(over: connection)
            } catch {
                outage.begin(error, logger)
            }
            try? await Task.sleep(for: backoff.next())
        }
    }

    private func connect() async throws -> PostgresConnection {
        var configuration = settings.database
        configuration.answerTimeout = settings.limits.statement
        // A worker that is stopped inside a transaction must not block other reconcilers longer than a lost
        // one.
        let milliseconds = Int(settings.limits.sessionLoss / .milliseconds(1))
        configuration.settings["idle_in_transaction_session_timeout"] = "\(milliseconds)"
        let connection = try await PostgresConnection.connect(
            configuration, deadline: .now + settings.limits.statement)
        do {
            try await workers.register(
                settings.identity, lockKey: Int.random(in: 1...Int(Int32.max)),
                concurrency: settings.concurrency, tenantCap: settings.tenantCap,
                version: settings.version, on: connection)
        } catch {
            connection.close()
            throw error
        }
        return connection
    }

    /// Does nothing if the worker has obeyed already.
    private func obey(_ request: WorkerRequest) {
        switch request {
        case .quiet:
            guard !slots.isQuiet else { return }
            slots.quiet()
        case .stop:
            guard !slots.isStopping else { return }
            slots.stop()
        }
        logger.notice("asked by an operator", metadata: ["request": "\(request.rawValue)"])
    }

    private func maintain(over connection: PostgresConnection) async throws {
        var missingSince: [String: ContinuousClock.Instant] = [:]
        var nextPass = ContinuousClock.now
        while true {
            let missing = try await workers.withoutLock(on: connection).filter {
                $0 != settings.identity.text
            }
            let now = ContinuousClock.now
            missingSince = Dictionary(uniqueKeysWithValues: missing.map { ($0, missingSince[$0] ?? now) })
            let lost = missing.filter { worker in
                missingSince[worker].map { now - $0 >= settings.limits.sessionLoss } ?? false
            }
            var isDue = !lost.isEmpty || ContinuousClock.now >= nextPass
            // Starts a pass early if a lease has expired.
            if !isDue { isDue = try await reconciler.isLeaseExpired(on: connection) }
            if isDue {
                let isFinished = try await reconciler.pass(lost: lost.sorted(), on: connection)
                let request = try await workers.beat(
                    settings.identity, busy: slots.busy, isQuiet: slots.isQuiet, on: connection)
                if let request { obey(request) }
                nextPass = isFinished ? .now + settings.limits.reconciliation : .now
            }
            try await ticker.tick(on: connection)
            guard nextPass > .now else { continue }
            try await Task.sleep(for: settings.limits.livenessCheck)
        }
    }
}

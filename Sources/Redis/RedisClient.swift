internal import Reactor

/// The Redis client of a loop: one shared connection, opened on demand and reopened after it broke.
///
/// While Redis is unavailable, calls between two attempts fail at once with `.connection`, and attempts get
/// rarer. A command on a broken connection is not repeated, because it may have run. Loop-confined.
// SAFETY: loop-confined, checked on every call.
package final class RedisClient: @unchecked Sendable {
    package let configuration: RedisConfiguration
    private let loop: EventLoop
    private var connection: RedisConnection?
    /// Set at the end of the running attempt to connect.
    private var attempt: Event?
    private var backoff = RedisLimits.backoff
    private var nextAttempt: ContinuousClock.Instant?
    private var lastFailure = RedisError(.connection, operation: "connect")
    private var isClosed = false

    /// A client of the current loop. Opens no connection yet.
    package init(configuration: RedisConfiguration) {
        self.configuration = configuration
        loop = .current
    }

    /// As `RedisConnection.send`.
    package func send(
        _ command: [RedisArgument], deadline: ContinuousClock.Instant? = nil
    ) async throws -> RedisReply {
        try await current(deadline).send(command, deadline: deadline)
    }

    /// As `RedisConnection.pipeline`.
    package func pipeline(
        _ commands: [[RedisArgument]], deadline: ContinuousClock.Instant? = nil
    ) async throws -> [RedisReply] {
        try await current(deadline).pipeline(commands, deadline: deadline)
    }

    /// As `RedisConnection.evaluate`.
    package func evaluate(
        _ script: RedisScript, keys: [RedisArgument] = [], arguments: [RedisArgument] = [],
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> RedisReply {
        try await current(deadline).evaluate(script, keys: keys, arguments: arguments, deadline: deadline)
    }

    /// The `maxmemory-policy`. Any other than `noeviction` may drop keys that are not caches.
    package func evictionPolicy() async throws -> String? {
        try await send(["CONFIG", "GET", "maxmemory-policy"]).elements?.last?.text
    }

    /// Identifies one run of a server.
    package func runID() async throws -> String? {
        let text = try await send(["INFO", "server"]).text ?? ""
        return text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }.map {
            String($0.dropFirst(7))
        }
    }

    /// Ends the session. Later calls throw `.closed`.
    package func close() {
        isClosed = true
        connection?.close()
        connection = nil
    }

    /// The open connection, or a new one. Tasks that call it during an attempt share its result.
    private func current(_ deadline: ContinuousClock.Instant?) async throws -> RedisConnection {
        loop.preconditionCurrent()
        while true {
            guard !isClosed else { throw RedisError(.closed, operation: "send") }
            if let connection, connection.isUsable { return connection }
            if let attempt {
                try await attempt.wait()
                continue
            }
            if let nextAttempt, nextAttempt > .now { throw lastFailure }
            try await connect(deadline)
        }
    }

    /// - Parameter deadline: of the first caller. Callers that join the attempt wait no longer than that
    ///   either.
    private func connect(_ deadline: ContinuousClock.Instant?) async throws {
        let attempt = Event()
        self.attempt = attempt
        defer {
            self.attempt = nil
            attempt.set()
        }
        connection?.close()
        connection = nil
        do {
            let longest = ContinuousClock.now + RedisLimits.connect
            let opened = try await RedisConnection.connect(
                configuration, deadline: min(deadline ?? longest, longest))
            guard !isClosed else {
                opened.close()
                throw RedisError(.closed, operation: "connect")
            }
            connection = opened
            backoff.reset()
            nextAttempt = nil
        } catch let error as RedisError {
            lastFailure = error
            nextAttempt = .now + backoff.next()
            throw error
        }
    }
}

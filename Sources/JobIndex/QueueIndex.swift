import FoundationEssentials
package import Jobs
package import Logging
package import Postgres
package import Redis

/// The queue in Redis, in Sidekiq's keys. It can be lost and rebuilt from the rows.
package struct QueueIndex: Sendable {
    /// A popped entry. It stays in flight under its key until it is acknowledged.
    package struct Entry: Sendable, Equatable {
        package let key: String
        /// May not be UTF-8, because other clients write too. Redis finds an entry by its exact bytes.
        package let payload: [UInt8]
    }

    /// The result of a claim.
    package struct Taken: Sendable, Equatable {
        package var entries: [Entry]
        /// The time until the next job is due, or until the next claim can find more; nil if unknown.
        package var nextDue: Duration?
        /// Whether the ring still has lanes that may hold entries.
        package var isMoreLeft: Bool
    }

    package let redis: RedisClient
    package let limits: JobsLimits

    package init(redis: RedisClient, limits: JobsLimits = JobsLimits()) {
        self.redis = redis
        self.limits = limits
    }

    /// Takes up to `count` pushed jobs whose rows do not record the push, and the epoch of the push. The
    /// caller records them; a job that is taken and not recorded is pushed again.
    package func takePushed(_ count: Int) async throws -> (ids: [JobID], epoch: String) {
        let parts = try Self.texts(try await evaluate(QueueScripts.takePushed, [String(count)]))
        return (parts.dropFirst().map(JobID.init(entryKey:)), parts.first ?? "")
    }

    private func claimArguments(_ count: Int, within room: ClaimRoom, acknowledging keys: [String])
        -> [String]
    {
        let seconds = limits.inFlight / .seconds(1)
        return [String(min(count, Self.claimedEntries)), String(seconds), room.json] + keys
    }

    private static func taken(_ reply: RedisReply) throws -> Taken {
        let parts = try elements(reply)
        guard parts.count >= 2, let due = Double(try text(parts[0])), let left = Int(try text(parts[1]))
        else { throw JobsError(.malformed, "the claim script returned an unknown reply") }
        let entries = try entries(parts.dropFirst(2))
        // Other clients may set any time, even infinity.
        return Taken(
            entries: entries, nextDue: due < 0 ? nil : .seconds(min(due, 3600)), isMoreLeft: left > 0)
    }

    /// Pops up to `count` entries, from the lanes in rotation, and acknowledges entries of earlier claims.
    package func claim(
        _ count: Int, within room: ClaimRoom = .unbounded, acknowledging keys: [String]
    ) async throws -> Taken {
        let arguments = claimArguments(count, within: room, acknowledging: keys)
        return try Self.taken(try await evaluate(QueueScripts.claim, arguments))
    }

    /// Waits for a wake token, at most for `pause`, and then pops entries.
    /// - Parameter connection: blocks, so nothing else can use it.
    package func claim(
        _ count: Int, within room: ClaimRoom, waiting pause: Duration, on connection: RedisConnection
    ) async throws -> Taken {
        let arguments = claimArguments(count, within: room, acknowledging: []).map { RedisArgument($0) }
        return try Self.taken(
            try await connection.evaluate(
                QueueScripts.claim, after: Self.waitCommand(pause), arguments: arguments,
                deadline: .now + pause + limits.statement))
    }

    /// Waits for a wake token, at most for `pause`.
    /// - Parameter connection: blocks, so nothing else can use it.
    package func wait(_ pause: Duration, on connection: RedisConnection) async throws {
        _ = try await connection.send(Self.waitCommand(pause), deadline: .now + pause + limits.statement)
    }

    private static func waitCommand(_ pause: Duration) -> [RedisArgument] {
        // 0 would wait for ever.
        let milliseconds = max(Int(pause / .milliseconds(1)), 1)
        return ["BLPOP", "multiconnect:wake", RedisArgument("\(Double(milliseconds) / 1000)")]
    }

    /// Ends the flight of entries whose rows are claimed, or that need no claim.
    package func acknowledge(_ keys: [String]) async throws {
        guard !keys.isEmpty else { return }
        _ = try await evaluate(QueueScripts.acknowledge, keys)
    }

    /// Returns entries in flight to the heads of their lanes.
    package func release(_ keys: [String]) async throws {
        guard !keys.isEmpty else { return }
        _ = try await evaluate(QueueScripts.release, keys)
    }

    /// The epoch. If it differs from the last one, Redis may have lost entries.
    package func epoch() async throws -> String {
        guard let run = try await redis.runID() else {
            throw JobsError(.malformed, "Redis did not return its run id")
        }
        let arguments = [run, Self.random()]
        return try Self.text(try await evaluate(QueueScripts.epoch, arguments))
    }

    /// The epoch under which the dead jobs were pushed; nil if Redis has none.
    package func epochOfDead() async throws -> String? {
        try await redis.send(["GET", Self.deadKey], deadline: .now + limits.script).text
    }

    /// Records that the dead jobs were pushed.
    package func recordDead(_ epoch: String) async throws {
        _ = try await redis.send(["SET", Self.deadKey, RedisArgument(epoch)], deadline: .now + limits.script)
    }

    private static let deadKey: RedisArgument = "multiconnect:dead"

    /// Replaces the weights of all tenants.
    package func setWeights(_ weights: [TenantWeight]) async throws {
        let fields = weights.flatMap { [$0.organizationID.uuidString.lowercased(), String($0.weight)] }
        _ = try await evaluate(QueueScripts.setWeights, fields)
    }

    /// Returns the lanes that are empty. Also adds the lanes of other clients to the ring.
    package func inspect(_ lanes: [LaneName]) async throws -> [LaneName] {
        try Self.texts(try await evaluate(QueueScripts.inspect, lanes.map(\.text))).map(LaneName.init(text:))
    }

    private static func random() -> String { JobID().text }

    /// Entries per claim. A script can pass about 8,000 values to a command, two for each entry. A
    /// larger claim would fail and lose the popped entries.
    static let claimedEntries = 2000
}

extension QueueIndex: JobPusher {
    package func push(_ records: [JobRecord]) async throws { _ = try await epoch(afterPushing: records) }

    /// Pushes jobs, each to the place of its state. Returns the epoch.
    package func epoch(afterPushing records: [JobRecord]) async throws -> String {
        let now = Date()
        var arguments = [Self.random()]
        for record in records {
            let (kind, place, payload): (String, String, String)
            switch record.state {
            case .queued:
                (kind, place, payload) = ("queue", record.lane.text, record.payload.enqueued(at: now))
            case .scheduled, .retry:
                kind = record.state == .retry ? "retry" : "schedule"
                (place, payload) = (SidekiqPayload.seconds(record.runAt), record.payload.waiting)
            case .dead:
                let time = record.finishedAt ?? now
                (kind, place, payload) = ("dead", SidekiqPayload.seconds(time), record.payload.waiting)
            case .running, .held, .done, .cancelled: continue
            }
            arguments += [record.id.text, kind, place, payload]
        }
        return try Self.text(try await evaluate(QueueScripts.push, arguments))
    }
}

extension JobQueue {
    /// A queue that pushes to Redis.
    ///
    /// - Parameters:
    ///   - redis: the client of the pool's loop.
    ///   - tallies: one for all loops of a process.
    package init(
        pool: PostgresPool, redis: RedisClient, tallies: JobTallies = JobTallies(),
        limits: JobsLimits = JobsLimits(), logger: Logger
    ) {
        self.init(
            pool: pool, pusher: QueueIndex(redis: redis, limits: limits), tallies: tallies, limits: limits,
            logger: logger)
    }
}

extension JobID {
    /// The id of the row for an entry's key: the job id itself, or the beginning of the digest.
    package init(entryKey key: String) { self = JobID(String(key.prefix(24))) ?? JobID() }
}

/// Replies of scripts.
extension QueueIndex {
    package static func text(_ reply: RedisReply) throws -> String {
        guard let text = reply.text else { throw JobsError(.malformed, "Redis did not return a text") }
        return text
    }

    package static func texts(_ reply: RedisReply) throws -> [String] { try elements(reply).map(text) }

    package static func elements(_ reply: RedisReply) throws -> [RedisReply] {
        guard let elements = reply.elements else {
            throw JobsError(.malformed, "Redis did not return a list")
        }
        return elements
    }

    package static func bytes(_ reply: RedisReply) throws -> [UInt8] {
        guard let bytes = reply.bytes else { throw JobsError(.malformed, "Redis did not return a string") }
        return bytes
    }

    /// Keys and payloads in turn.
    package static func entries(_ parts: ArraySlice<RedisReply>) throws -> [Entry] {
        guard parts.count.isMultiple(of: 2) else {
            throw JobsError(.malformed, "a script returned a key without a payload")
        }
        return try stride(from: parts.startIndex, to: parts.endIndex, by: 2).map {
            Entry(key: try text(parts[$0]), payload: try bytes(parts[$0 + 1]))
        }
    }

    package func evaluate(_ script: RedisScript, _ arguments: [String]) async throws -> RedisReply {
        try await evaluate(script, arguments.map { RedisArgument($0) })
    }

    package func evaluate(_ script: RedisScript, _ arguments: [RedisArgument]) async throws -> RedisReply {
        try await redis.evaluate(script, keys: [], arguments: arguments, deadline: .now + limits.script)
    }
}

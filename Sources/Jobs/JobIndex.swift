import FoundationEssentials
import Redis

/// The queue's side of Redis. Everything here can be lost and made again from the rows.
struct JobIndex: Sendable {
    /// An entry that was popped; the key names it until it is owned.
    struct Entry: Sendable, Equatable {
        let key: String
        let payload: String
    }

    /// What a claim gave.
    struct Taken: Sendable, Equatable {
        var entries: [Entry]
        /// Until the next job whose time comes, or until it is worth to ask again; nil when nothing is known.
        var nextDue: Duration?
        /// Whether lanes with jobs may be left.
        var isMoreLeft: Bool
    }

    let redis: RedisClient
    let limits: JobsLimits

    /// Tells Redis of jobs, each in the place that its state says; the epoch.
    func push(_ records: [JobRecord], now: Date = Date()) async throws -> String {
        var arguments = [Self.random()]
        for record in records {
            switch record.state {
            case .queued:
                arguments += ["queue", record.lane.text, record.payload.enqueued(at: now)]
            case .scheduled:
                arguments += ["schedule", SidekiqPayload.seconds(record.runAt), record.payload.waiting]
            case .retry:
                arguments += ["retry", SidekiqPayload.seconds(record.runAt), record.payload.waiting]
            case .dead:
                let time = record.finishedAt ?? now
                arguments += ["dead", SidekiqPayload.seconds(time), record.payload.waiting]
            case .running, .held, .done, .cancelled: continue
            }
            arguments.append(String(record.weight))
        }
        return try Self.text(try await evaluate(Self.pushScript, arguments))
    }

    /// Pops up to so many entries, a lane at a time in turn, and forgets those that are owned by now.
    func claim(
        _ count: Int, within room: ClaimRoom = .unbounded, acknowledging owned: [String]
    ) async throws -> Taken {
        let seconds = Double(limits.pop.components.seconds) + Double(limits.pop.components.attoseconds) / 1e18
        let parts = try Self.texts(
            try await evaluate(Self.claimScript, [String(count), String(seconds), room.json] + owned))
        guard parts.count >= 2, parts.count.isMultiple(of: 2), let due = Double(parts[0]),
            let left = Int(parts[1])
        else { throw JobsError(.malformed, "the claim script answered something else") }
        let entries = stride(from: 2, to: parts.count, by: 2).map {
            Entry(key: parts[$0], payload: parts[$0 + 1])
        }
        // Another client may have asked for any time, infinity too.
        return Taken(
            entries: entries, nextDue: due < 0 ? nil : .seconds(min(due, 3600)), isMoreLeft: left > 0)
    }

    /// Forgets entries in flight.
    func acknowledge(_ keys: [String]) async throws {
        guard !keys.isEmpty else { return }
        _ = try await evaluate(Self.acknowledgeScript, keys)
    }

    /// Puts entries in flight back.
    func release(_ keys: [String]) async throws {
        guard !keys.isEmpty else { return }
        _ = try await evaluate(Self.releaseScript, keys)
    }

    /// The epoch: another one than before means that Redis may have lost entries.
    func epoch() async throws -> String {
        guard let run = try await redis.runID() else {
            throw JobsError(.malformed, "Redis does not tell its run id")
        }
        let arguments = [run, Self.random()]
        return try Self.text(try await evaluate(Self.epochScript, arguments))
    }

    /// The epoch under which Redis was told of the dead; nil when it has forgotten them.
    func epochOfDead() async throws -> String? {
        try await redis.send(["GET", Self.deadKey], deadline: .now + limits.script).text
    }

    /// Notes that Redis was told of the dead.
    func noteDead(_ epoch: String) async throws {
        _ = try await redis.send(["SET", Self.deadKey, RedisArgument(epoch)], deadline: .now + limits.script)
    }

    private static let deadKey: RedisArgument = "multiconnect:dead"

    /// Which of the lanes are empty; brings lanes of other clients into the ring.
    func inspect(_ lanes: [LaneName]) async throws -> [LaneName] {
        try Self.texts(try await evaluate(Self.inspectScript, lanes.map(\.text))).map(LaneName.init(text:))
    }

    /// Beats; the signal that Sidekiq's page sent, if it did.
    func beat(_ arguments: [String]) async throws -> String? {
        let reply = try await evaluate(Self.beatScript, arguments)
        if reply.isNull { return nil }
        return try Self.text(reply)
    }

    /// Removes a process's keys.
    func farewell(_ identity: String) async throws {
        _ = try await evaluate(Self.farewellScript, [identity])
    }

    private static let pushScript = RedisScript(name: "push", source: JobScripts.push)
    private static let claimScript = RedisScript(name: "claim", source: JobScripts.claim)
    private static let acknowledgeScript = RedisScript(name: "acknowledge", source: JobScripts.acknowledge)
    private static let releaseScript = RedisScript(name: "release", source: JobScripts.release)
    private static let epochScript = RedisScript(name: "epoch", source: JobScripts.epoch)
    private static let inspectScript = RedisScript(name: "inspect", source: JobScripts.inspect)
    private static let beatScript = RedisScript(name: "beat", source: JobScripts.beat)
    private static let farewellScript = RedisScript(name: "farewell", source: JobScripts.farewell)

    private static func random() -> String { JobID().text }

    private static func text(_ reply: RedisReply) throws -> String {
        guard let text = reply.text else {
            throw JobsError(.malformed, "Redis answered something else than a text")
        }
        return text
    }

    static func texts(_ reply: RedisReply) throws -> [String] {
        guard let elements = reply.elements else {
            throw JobsError(.malformed, "Redis answered something else than a list")
        }
        return try elements.map(text)
    }
}

extension JobIndex {
    func evaluate(_ script: RedisScript, _ arguments: [String]) async throws -> RedisReply {
        try await redis.evaluate(
            script, keys: [], arguments: arguments.map { RedisArgument($0) }, deadline: .now + limits.script)
    }
}

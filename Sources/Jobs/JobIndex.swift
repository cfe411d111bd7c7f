import FoundationEssentials
import Redis

/// The queue's side of Redis. Everything here can be lost and made again from the rows.
struct JobIndex: Sendable {
    /// An entry that was popped; the key names it until it is owned.
    struct Entry: Sendable, Equatable {
        let key: String
        /// Bytes, which need not be UTF-8: another client may have written them, and only the exact bytes name the
        /// entry in Redis.
        let payload: [UInt8]
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
        return try Self.text(try await evaluate(Self.pushScript, arguments))
    }

    /// Takes up to so many of the jobs of which Redis was told and whose rows do not say so yet, and the epoch
    /// under which it was told. Who takes them notes it; of what is taken and not noted Redis is told again.
    func takeTold(_ count: Int) async throws -> (ids: [JobID], epoch: String) {
        let parts = try Self.texts(try await evaluate(Self.takeToldScript, [String(count)]))
        return (parts.dropFirst().map(ForeignImport.id), parts.first ?? "")
    }

    /// A claim as it is sent: up to so many entries, a lane at a time in turn. It forgets those that are owned by now.
    private func claimArguments(_ count: Int, within room: ClaimRoom, acknowledging owned: [String])
        -> [String]
    {
        let seconds = Double(limits.pop.components.seconds) + Double(limits.pop.components.attoseconds) / 1e18
        return [String(min(count, JobsLimits.takenEntries)), String(seconds), room.json] + owned
    }

    private static func taken(_ reply: RedisReply) throws -> Taken {
        let parts = try elements(reply)
        guard parts.count >= 2, let due = Double(try text(parts[0])), let left = Int(try text(parts[1]))
        else { throw JobsError(.malformed, "the claim script answered something else") }
        let entries = try entries(parts.dropFirst(2))
        // Another client may have asked for any time, infinity too.
        return Taken(
            entries: entries, nextDue: due < 0 ? nil : .seconds(min(due, 3600)), isMoreLeft: left > 0)
    }

    /// Pops up to so many entries, a lane at a time in turn, and forgets those that are owned by now.
    func claim(
        _ count: Int, within room: ClaimRoom = .unbounded, acknowledging owned: [String]
    ) async throws -> Taken {
        try Self.taken(
            try await evaluate(
                Self.claimScript, claimArguments(count, within: room, acknowledging: owned)))
    }

    /// Pops entries as soon as there may be some, or after the pause.
    /// - Parameter connection: one of its own: it blocks.
    func claim(
        _ count: Int, within room: ClaimRoom, waiting pause: Duration, on connection: RedisConnection
    ) async throws -> Taken {
        let arguments = claimArguments(count, within: room, acknowledging: []).map { RedisArgument($0) }
        return try Self.taken(
            try await connection.evaluate(
                Self.claimScript, after: Self.waitCommand(pause), arguments: arguments,
                deadline: .now + pause + limits.call))
    }

    /// Waits until there may be some entries, or for the pause, and claims none.
    /// - Parameter connection: one of its own: it blocks.
    func wait(_ pause: Duration, on connection: RedisConnection) async throws {
        _ = try await connection.send(Self.waitCommand(pause), deadline: .now + pause + limits.call)
    }

    private static func waitCommand(_ pause: Duration) -> [RedisArgument] {
        // Redis takes 0 for ever.
        let milliseconds = max(Int(pause / .milliseconds(1)), 1)
        return ["BLPOP", "multiconnect:wake", RedisArgument("\(Double(milliseconds) / 1000)")]
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

    /// Says which tenants have several jobs in a turn, and how many.
    func weigh(_ weights: [TenantWeight]) async throws {
        let fields = weights.flatMap { [$0.organizationID.uuidString.lowercased(), String($0.weight)] }
        _ = try await evaluate(Self.weighScript, fields)
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
    private static let takeToldScript = RedisScript(name: "takeTold", source: JobScripts.takeTold)
    private static let weighScript = RedisScript(name: "weigh", source: JobScripts.weigh)
    private static let inspectScript = RedisScript(name: "inspect", source: JobScripts.inspect)
    private static let beatScript = RedisScript(name: "beat", source: JobScripts.beat)
    private static let farewellScript = RedisScript(name: "farewell", source: JobScripts.farewell)

    private static func random() -> String { JobID().text }

    static func text(_ reply: RedisReply) throws -> String {
        guard let text = reply.text else {
            throw JobsError(.malformed, "Redis answered something else than a text")
        }
        return text
    }

    static func texts(_ reply: RedisReply) throws -> [String] { try elements(reply).map(text) }

    static func elements(_ reply: RedisReply) throws -> [RedisReply] {
        guard let elements = reply.elements else {
            throw JobsError(.malformed, "Redis answered something else than a list")
        }
        return elements
    }

    static func bytes(_ reply: RedisReply) throws -> [UInt8] {
        guard let bytes = reply.bytes else {
            throw JobsError(.malformed, "Redis answered something else than a string")
        }
        return bytes
    }

    /// Keys and payloads in turn.
    static func entries(_ parts: ArraySlice<RedisReply>) throws -> [Entry] {
        guard parts.count.isMultiple(of: 2) else {
            throw JobsError(.malformed, "a script answered a key without its payload")
        }
        return try stride(from: parts.startIndex, to: parts.endIndex, by: 2).map {
            Entry(key: try text(parts[$0]), payload: try bytes(parts[$0 + 1]))
        }
    }
}

extension JobIndex {
    func evaluate(_ script: RedisScript, _ arguments: [String]) async throws -> RedisReply {
        try await evaluate(script, arguments.map { RedisArgument($0) })
    }

    func evaluate(_ script: RedisScript, _ arguments: [RedisArgument]) async throws -> RedisReply {
        try await redis.evaluate(script, keys: [], arguments: arguments, deadline: .now + limits.script)
    }
}

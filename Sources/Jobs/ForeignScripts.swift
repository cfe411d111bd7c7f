import Redis

/// The scripts about what other clients do to Redis.
extension JobScripts {
    /// Takes or keeps the turn to watch; whoever has it brings the lanes of other clients into the ring. ARGV:
    /// identity; how long the turn lasts, in milliseconds. Returns whether the caller has it, 1 or 0.
    static let watch =
        common + """
            local holder = redis.call('GET', 'multiconnect:watch')
            if holder and holder ~= ARGV[1] then return 0 end
            redis.call('SET', 'multiconnect:watch', ARGV[1], 'PX', ARGV[2])
            wake(adopt())
            return 1
            """

    /// A part of a sorted set. ARGV: the set, a cursor, about how many. Returns the next cursor; then key, text
    /// and score of each member.
    static let scan =
        common + """
            local page = redis.call('ZSCAN', ARGV[1], ARGV[2], 'COUNT', ARGV[3])
            local answer = {page[1]}
            for i = 1, #page[2], 2 do
                answer[#answer + 1] = entry_key(page[2][i])
                answer[#answer + 1] = page[2][i]
                answer[#answer + 1] = page[2][i + 1]
            end
            return answer
            """

    /// The dead that came after one of them, in their order; from the first on when that one is not there any
    /// more. ARGV: its text; how many. Returns key and text of each.
    static let deadAfter =
        common + """
            local rank = redis.call('ZRANK', 'dead', ARGV[1])
            local first = rank and rank + 1 or 0
            local answer = {}
            for _, payload in ipairs(redis.call('ZRANGE', 'dead', first, first + tonumber(ARGV[2]) - 1)) do
                answer[#answer + 1] = entry_key(payload)
                answer[#answer + 1] = payload
            end
            return answer
            """
}

extension JobIndex {
    /// A member of a sorted set.
    struct Member: Sendable, Equatable {
        let key: String
        /// The exact bytes: no other name of the member removes it.
        let payload: [UInt8]
        let score: Double
    }

    /// Whether it is this worker's turn to watch.
    func watch(for identity: String) async throws -> Bool {
        let turn = limits.reconciliation + limits.adoption
        let milliseconds = String(max(Int(turn / .milliseconds(1)), 1))
        return try await evaluate(Self.watchScript, [identity, milliseconds]).integer == 1
    }

    /// The next part of a sorted set, and the cursor after it.
    func scan(_ set: String, from cursor: String) async throws -> (members: [Member], cursor: String) {
        let parts = try Self.elements(
            try await evaluate(Self.scanScript, [set, cursor, String(limits.comparison)]))
        guard let next = parts.first, parts.count % 3 == 1 else {
            throw JobsError(.malformed, "the scan script answered something else")
        }
        let members = try stride(from: 1, to: parts.count, by: 3).map {
            Member(
                key: try Self.text(parts[$0]), payload: try Self.bytes(parts[$0 + 1]),
                score: Double(try Self.text(parts[$0 + 2])) ?? 0)
        }
        return (members, try Self.text(next))
    }

    /// The next of the dead, in the order in which they came there.
    func dead(after last: Entry?) async throws -> [Entry] {
        let arguments = [RedisArgument(last?.payload ?? []), RedisArgument(limits.comparison)]
        return try Self.entries(Self.elements(try await evaluate(Self.deadAfterScript, arguments))[...])
    }

    /// Removes members of a sorted set; how many were there.
    func remove(_ members: [[UInt8]], from set: String) async throws -> Int {
        guard !members.isEmpty else { return 0 }
        let reply = try await redis.send(
            ["ZREM", RedisArgument(set)] + members.map { RedisArgument($0) }, deadline: .now + limits.script)
        return reply.integer ?? 0
    }

    /// Which of the jobs are not in the sorted set where they should wait.
    func missing(_ records: [JobRecord]) async throws -> [JobRecord] {
        let scores = try await scores(records) { $0.state == .retry ? "retry" : "schedule" }
        return zip(records, scores).filter { $0.1 == nil }.map(\.0)
    }

    /// Which of the jobs are among the dead.
    func buried(_ records: [JobRecord]) async throws -> [JobRecord] {
        let scores = try await scores(records) { _ in "dead" }
        return zip(records, scores).filter { $0.1 != nil }.map(\.0)
    }

    /// Those of the jobs of which Redis was told while their rows do not say so yet.
    func told(_ records: [JobRecord]) async throws -> [JobID] {
        let commands = records.map {
            ["SISMEMBER", "multiconnect:told", RedisArgument($0.id.text)] as [RedisArgument]
        }
        let replies = try await redis.pipeline(commands, deadline: .now + limits.script)
        return zip(records, replies).filter { $0.1.integer == 1 }.map(\.0.id)
    }

    private func scores(_ records: [JobRecord], in set: (JobRecord) -> String) async throws -> [String?] {
        let commands = records.map {
            ["ZSCORE", RedisArgument(set($0)), RedisArgument($0.payload.waiting)] as [RedisArgument]
        }
        return try await redis.pipeline(commands, deadline: .now + limits.script).map { reply in
            if case .error(let error) = reply { throw error }
            return reply.text
        }
    }

    private static let watchScript = RedisScript(name: "watch", source: JobScripts.watch)
    private static let deadAfterScript = RedisScript(name: "dead", source: JobScripts.deadAfter)
    private static let scanScript = RedisScript(name: "scan", source: JobScripts.scan)
}

import FoundationEssentials
import JobIndex
import Jobs
import Redis

/// The scripts of `Scripts/`.
enum SidekiqScripts {
    static let heartbeat = RedisScript("heartbeat", lua: PackageResources.heartbeat_lua)
    static let deregister = RedisScript("deregister", lua: PackageResources.deregister_lua)
    static let leadScan = RedisScript("lead_scan", lua: PackageResources.lead_scan_lua)
    static let scanSet = RedisScript("scan_set", lua: PackageResources.scan_set_lua)
    static let deadAfter = RedisScript("dead_after", lua: PackageResources.dead_after_lua)
}

/// Sidekiq's process keys.
extension QueueIndex {
    /// Sends a heartbeat. Returns the signal that Sidekiq's pages sent, if any.
    func heartbeat(_ arguments: [String]) async throws -> String? {
        let reply = try await evaluate(SidekiqScripts.heartbeat, arguments)
        return reply.isNull ? nil : try Self.text(reply)
    }

    /// Removes a process's keys.
    func deregister(_ identity: String) async throws {
        _ = try await evaluate(SidekiqScripts.deregister, [identity])
    }

    /// Adds runs to the metrics of the minute.
    func add(_ counts: RunCounts, at time: Date = Date()) async throws {
        let commands = SidekiqMetrics(at: time).commands(counts)
        guard !commands.isEmpty else { return }
        let replies = try await redis.pipeline(commands, deadline: .now + limits.script)
        for case .error(let error) in replies { throw error }
    }
}

/// Reads for the scan for external changes.
extension QueueIndex {
    /// A member of a sorted set.
    struct Member: Sendable, Equatable {
        let key: String
        /// The exact bytes, because ZREM needs them to remove the member.
        let payload: [UInt8]
        let score: Double
    }

    /// Whether this worker scans for external changes. One worker does.
    func leadsScan(_ identity: String) async throws -> Bool {
        let term = limits.reconciliation + limits.laneScan
        let milliseconds = String(max(Int(term / .milliseconds(1)), 1))
        return try await evaluate(SidekiqScripts.leadScan, [identity, milliseconds]).integer == 1
    }

    /// The next part of a sorted set, and the cursor after it.
    func scan(_ set: String, from cursor: String) async throws -> (members: [Member], cursor: String) {
        let parts = try Self.elements(
            try await evaluate(SidekiqScripts.scanSet, [set, cursor, String(limits.comparedRows)]))
        guard let next = parts.first, parts.count % 3 == 1 else {
            throw JobsError(.malformed, "the scan script returned an unknown reply")
        }
        let members = try stride(from: 1, to: parts.count, by: 3).map {
            Member(
                key: try Self.text(parts[$0]), payload: try Self.bytes(parts[$0 + 1]),
                score: Double(try Self.text(parts[$0 + 2])) ?? 0)
        }
        return (members, try Self.text(next))
    }

    /// The next members of `dead`, in the order in which they died.
    func dead(after last: Entry?) async throws -> [Entry] {
        let arguments = [RedisArgument(last?.payload ?? []), RedisArgument(limits.comparedRows)]
        return try Self.entries(Self.elements(try await evaluate(SidekiqScripts.deadAfter, arguments))[...])
    }

    /// Removes members of a sorted set. Returns how many existed.
    func remove(_ members: [[UInt8]], from set: String) async throws -> Int {
        guard !members.isEmpty else { return 0 }
        let reply = try await redis.send(
            ["ZREM", RedisArgument(set)] + members.map { RedisArgument($0) }, deadline: .now + limits.script)
        return reply.integer ?? 0
    }

    /// The jobs that are not in the sorted set of their state.
    func missing(_ records: [JobRecord]) async throws -> [JobRecord] {
        let scores = try await scores(records) { $0.state == .retry ? "retry" : "schedule" }
        return zip(records, scores).filter { $0.1 == nil }.map(\.0)
    }

    /// The jobs that are in `dead`.
    func inDeadSet(_ records: [JobRecord]) async throws -> [JobRecord] {
        let scores = try await scores(records) { _ in "dead" }
        return zip(records, scores).filter { $0.1 != nil }.map(\.0)
    }

    /// The jobs that were pushed and whose rows do not record the push yet.
    func pushedUnrecorded(_ records: [JobRecord]) async throws -> [JobID] {
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
}

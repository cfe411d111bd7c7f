internal import Synchronization

/// A Lua script, sent once and then called by its digest.
package struct RedisScript: Sendable {
    /// The name in errors.
    package let name: String
    let source: String
    private let digest = Digest()

    /// The SHA-1 that Redis returned when the script was loaded. It is the same on every server.
    private final class Digest: Sendable {
        let value = Mutex<String?>(nil)
    }

    package init(name: String, source: String) {
        self.name = name
        self.source = source
    }

    var knownDigest: String? { digest.value.withLock { $0 } }

    func remember(_ sha: String) { digest.value.withLock { $0 = sha } }
}

extension RedisConnection {
    /// Runs a script with `EVALSHA`. It is loaded first if the server does not know it (yet, or after SCRIPT
    /// FLUSH).
    package func evaluate(
        _ script: RedisScript, keys: [RedisArgument] = [], arguments: [RedisArgument] = [],
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> RedisReply {
        let rest = [RedisArgument(keys.count)] + keys + arguments
        if let digest = script.knownDigest {
            do {
                return try await send(["EVALSHA", RedisArgument(digest)] + rest, deadline: deadline)
            } catch let error as RedisError where error.code == .server("NOSCRIPT") {
                // The script did not run. It is loaded below.
            }
        }
        return try await load(script, andRunWith: rest, deadline: deadline)
    }

    /// Sends a command and a script together: if the command blocks, the script runs directly after it,
    /// without a round trip between them. Returns the script's reply.
    package func evaluate(
        _ script: RedisScript, after command: [RedisArgument], arguments: [RedisArgument],
        deadline: ContinuousClock.Instant
    ) async throws -> RedisReply {
        guard let digest = script.knownDigest else {
            _ = try await send(command, deadline: deadline)
            return try await evaluate(script, arguments: arguments, deadline: deadline)
        }
        let rest = [RedisArgument(0)] + arguments
        let replies = try await pipeline(
            [command, ["EVALSHA", RedisArgument(digest)] + rest], deadline: deadline)
        for reply in replies {
            guard case .error(let error) = reply else { continue }
            guard error.code == .server("NOSCRIPT") else { throw error }
            return try await load(script, andRunWith: rest, deadline: deadline)
        }
        return replies[1]
    }

    private func load(
        _ script: RedisScript, andRunWith rest: [RedisArgument], deadline: ContinuousClock.Instant?
    ) async throws -> RedisReply {
        let loaded = try await send(["SCRIPT", "LOAD", RedisArgument(script.source)], deadline: deadline)
        guard let digest = loaded.text else {
            throw RedisError(.unexpectedReply, operation: "SCRIPT LOAD \(script.name)")
        }
        script.remember(digest)
        return try await send(["EVALSHA", RedisArgument(digest)] + rest, deadline: deadline)
    }
}

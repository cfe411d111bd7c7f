internal import Synchronization

/// A Lua script, sent whole once and by its digest afterwards.
package struct RedisScript: Sendable {
    /// Shows in errors.
    package let name: String
    let source: String
    private let digest = Digest()

    /// The SHA-1 that Redis told when it took the script; the same on every server.
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
    /// Runs a script with `EVALSHA`; a server that does not know it (yet, or after SCRIPT FLUSH) is given it first.
    package func evaluate(
        _ script: RedisScript, keys: [RedisArgument] = [], arguments: [RedisArgument] = [],
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> RedisReply {
        let rest = [RedisArgument(keys.count)] + keys + arguments
        if let digest = script.knownDigest {
            do {
                return try await send(["EVALSHA", RedisArgument(digest)] + rest, deadline: deadline)
            } catch let error as RedisError where error.code == .server("NOSCRIPT") {
                // Nothing was run; it is loaded below.
            }
        }
        let loaded = try await send(["SCRIPT", "LOAD", RedisArgument(script.source)], deadline: deadline)
        guard let digest = loaded.text else {
            throw RedisError(.unexpectedReply, operation: "SCRIPT LOAD \(script.name)")
        }
        script.remember(digest)
        return try await send(["EVALSHA", RedisArgument(digest)] + rest, deadline: deadline)
    }
}

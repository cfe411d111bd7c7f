import HTTPServer
import HTTPWire
import Postgres
import Reactor
import Redis

/// Whether the process lives, and whether it can do its work.
struct HealthRoutes: Sendable {
    let pool: PostgresPool
    let redis: RedisClient

    /// How long a database may take to say that it is there.
    private static let patience: Duration = .seconds(2)

    private static let alive = Response.json(bytes: Array(#"{"status":200}"#.utf8))

    private struct Readiness: Encodable {
        let status: Int
        let database: String
        let redis: String
    }

    /// `GET /healthz`: says nothing of anybody else, so that a database's failure restarts no process.
    static func live(_ request: Request) -> Response {
        alive
    }

    /// `GET /readyz`: 503 while a database does not answer.
    func ready(_ request: Request) async throws -> Response {
        async let databaseAnswers = databaseAnswers()
        async let redisAnswers = redisAnswers()
        let (database, redis) = await (databaseAnswers, redisAnswers)
        let status: Status = database && redis ? .ok : .serviceUnavailable
        return try .json(
            Readiness(
                status: status.code, database: Self.word(database), redis: Self.word(redis)),
            status: status)
    }

    private func databaseAnswers() async -> Bool {
        await pool.answers(by: .now + Self.patience)
    }

    private func redisAnswers() async -> Bool {
        let deadline = ContinuousClock.now + Self.patience
        do {
            // A command's deadline does not hold for the connection that is made for it.
            _ = try await withDeadline(deadline, operation: "PING") { [redis] in
                try await redis.send(["PING"], deadline: deadline)
            }
            return true
        } catch {
            return false
        }
    }

    private static func word(_ answers: Bool) -> String { answers ? "ok" : "does not answer" }
}

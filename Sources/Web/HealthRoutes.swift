import HTTPServer
import HTTPWire
import Postgres
import Reactor
import Redis

/// Liveness and readiness.
struct HealthRoutes: Sendable {
    let pool: PostgresPool
    let redis: RedisClient

    /// How long Postgres and Redis may take to answer.
    private static let timeout: Duration = .seconds(2)

    private static let alive = Response.json(bytes: Array(#"{"status":200}"#.utf8))

    /// `degraded`: without Redis. Registration, consent and mail still work.
    enum State: String, Encodable {
        case ready
        case degraded
        case unavailable
    }

    private enum Condition: String, Encodable {
        case ok
        case silent = "does not answer"
        case closed = "refuses the login"
    }

    private struct Readiness: Encodable {
        let status: Int
        let state: State
        let database: Condition
        let redis: Condition
    }

    /// `GET /healthz`: checks only the process itself, so that an outage of Postgres or Redis restarts no
    /// process.
    static func live(_ request: Request) -> Response {
        alive
    }

    /// `GET /readyz`: 503 while Postgres does not answer. 200 without Redis: with 503 a load balancer would
    /// remove every web process, but they can still register orgs, and workers claim jobs from Postgres.
    func ready(_ request: Request) async throws -> Response {
        async let databaseCondition = databaseCondition()
        async let redisCondition = redisCondition()
        let (database, redis) = await (databaseCondition, redisCondition)
        let state: State = database != .ok ? .unavailable : redis != .ok ? .degraded : .ready
        let status: Status = state == .unavailable ? .serviceUnavailable : .ok
        return try .json(
            Readiness(status: status.code, state: state, database: database, redis: redis), status: status)
    }

    private func databaseCondition() async -> Condition {
        let deadline = ContinuousClock.now + Self.timeout
        do {
            let answers = try await pool.withConnection(deadline: deadline) {
                await $0.answers(by: deadline)
            }
            return answers ? .ok : .silent
        } catch let error as PostgresError where error.isLoginRefusal {
            return .closed
        } catch {
            return .silent
        }
    }

    private func redisCondition() async -> Condition {
        let deadline = ContinuousClock.now + Self.timeout
        do {
            // A command's deadline does not cover connecting.
            _ = try await withDeadline(deadline, operation: "PING") { [redis] in
                try await redis.send(["PING"], deadline: deadline)
            }
            return .ok
        } catch let error as RedisError where error.isLoginRefusal {
            return .closed
        } catch {
            return .silent
        }
    }
}

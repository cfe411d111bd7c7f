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

    /// What the process can do: everything, what does without Redis (registration, consent and mail), or nothing.
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

    /// `GET /healthz`: says nothing of anybody else, so that a database's failure restarts no process.
    static func live(_ request: Request) -> Response {
        alive
    }

    /// `GET /readyz`: 503 while Postgres does not answer. Without Redis 200: a load balancer would take every web
    /// process away at once, though they still register orgs; workers take jobs from Postgres meanwhile.
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
        let deadline = ContinuousClock.now + Self.patience
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
        let deadline = ContinuousClock.now + Self.patience
        do {
            // A command's deadline does not hold for the connection that is made for it.
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

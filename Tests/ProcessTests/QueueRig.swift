import Foundation
import JobAdmin
import Postgres
import Support
import Testing

/// Workers over a database and a Redis, all of them real processes that a test may kill, and the check whose
/// jobs they run: each job's effect is one row.
final class QueueRig: Sendable {
    static let jobs = 1000
    /// Only the check's jobs: the worker also runs periodic jobs.
    static let probes: SQL = "class = 'ProbeJob'"

    let databaseURL: String
    let redis: ServerProgram
    private let redisPort: UInt16
    private let environment: [String: String]

    /// Starts Redis and migrates. The test starts the workers.
    init(databaseURL: String) throws {
        self.databaseURL = databaseURL
        let port = try Deployment.freePort()
        redisPort = port
        redis = try ServerProgram {
            try Program(
                "redis", "/usr/bin/redis-server",
                ["--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        }
        environment = [
            "DATABASE_URL": databaseURL, "REDIS_URL": "redis://127.0.0.1:\(port)/0",
            "SECRET": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "SALESFORCE_KEY": "k",
            "SALESFORCE_SECRET": "s", "APP_URL": "http://127.0.0.1:1", "LOOPS": "1",
        ]
        let migrate = try Program.multiconnect(["migrate"], environment: environment)
        guard migrate.exitStatus() == 0 else {
            throw Deployment.Failure("migrate failed:\n\(migrate.output)")
        }
    }

    func startWorker() throws -> Program { try Program.multiconnect(["worker"], environment: environment) }

    func startWeb(port: UInt16) throws -> Program {
        try Program.multiconnect(["web"], environment: environment.merging(["PORT": "\(port)"]) { $1 })
    }

    /// Runs a command to its end. Returns its exit status and its output.
    func command(_ arguments: String...) throws -> (status: Int32, output: String) {
        let program = try Program.multiconnect(
            arguments, environment: environment.merging(["LOG_LEVEL": "critical", "USER": "ann"]) { $1 })
        return (program.exitStatus(), program.output)
    }

    /// Starts workers and waits until they are registered.
    func startWorkers(_ count: Int) async throws -> [Program] {
        let workers = try (0..<count).map { _ in try startWorker() }
        for worker in workers { try await untilRegistered(worker) }
        return workers
    }

    func untilRegistered(_ worker: Program) async throws {
        try await eventually(within: .seconds(30), "the worker is registered\n\(worker.output)") {
            try await self.number("select count(*) from multiconnect.workers where pid = \(Int(worker.pid))")
                == 1
        }
    }

    /// Starts `multiconnect jobs check`, which enqueues jobs and exits after all have run. Its rows stay.
    func startCheck(_ jobs: Int = QueueRig.jobs, milliseconds: Int, within: Int = 90) throws -> Program {
        try Program.multiconnect(
            [
                "jobs", "check", "--keep", "--jobs", "\(jobs)", "--tenants", "20",
                "--milliseconds", "\(milliseconds)", "--within", "\(within)",
            ], environment: environment)
    }

    func flushRedis() throws {
        let program = try Program("flush", "/usr/bin/redis-cli", ["-p", "\(redisPort)", "flushall"])
        #expect(program.exitStatus() == 0)
    }

    /// The entries in lanes and of claimed jobs.
    func waitingInRedis() throws -> Int {
        let script = """
            local count = redis.call('HLEN', 'multiconnect:inflight')
            for _, lane in ipairs(redis.call('KEYS', 'queue:*')) do count = count + redis.call('LLEN', lane) end
            return count
            """
        let program = try Program("look", "/usr/bin/redis-cli", ["-p", "\(redisPort)", "eval", script, "0"])
        guard program.exitStatus() == 0,
            let count = Int(program.output.trimmingCharacters(in: .whitespacesAndNewlines))
        else { throw Deployment.Failure("redis-cli: \(program.output)") }
        return count
    }

    func number(_ sql: SQL) async throws -> Int {
        let connection = try await PostgresConnection.connect(PostgresConfiguration(url: databaseURL))
        defer { connection.close() }
        return try await connection.query(sql).scalar(as: Int.self)
    }

    /// Waits for a number of effects, also during an outage of the database.
    func untilEffects(_ count: Int, within limit: Duration = .seconds(60)) async throws {
        try await eventually(within: limit, "\(count) effects") {
            (try? await self.number("select count(*) from multiconnect.job_probes")).map { $0 >= count }
                ?? false
        }
    }

    /// Waits until a worker runs this number of jobs. Returns the seconds since `begin`.
    func untilRunning(_ count: Int, by worker: Program, since begin: ContinuousClock.Instant = .now)
        async throws
        -> Double
    {
        try await eventually(within: .seconds(60), "\(count) jobs run\n\(worker.output)") {
            try await self.running(by: worker) == count
        }
        return (ContinuousClock.now - begin) / .seconds(1)
    }

    func running(by worker: Program) async throws -> Int {
        try await number(
            """
            select count(*) from multiconnect.jobs
            where class = 'ProbeJob' and state = 'running' and claimed_by like \("%:\(worker.pid):%")
            """)
    }

    /// Waits for the end of the check: each job had its effect exactly once.
    func expectEachEffectOnce(_ check: Program, jobs: Int = QueueRig.jobs) async throws {
        try await eventually(within: .seconds(100), "the check ends\n\(check.output)") { !check.isRunning }
        #expect(check.exitStatus() == 0, "\(check.output)")
        try await expectEachEffectOnce(jobs: jobs)
    }

    func expectEachEffectOnce(jobs: Int) async throws {
        #expect(try await number("select count(*) from multiconnect.job_probes") == jobs)
        #expect(try await number("select count(distinct job_id) from multiconnect.job_probes") == jobs)
        #expect(try await number("select count(*) from multiconnect.jobs where \(Self.probes)") == jobs)
        let ended: SQL = "select count(*) from multiconnect.jobs where \(Self.probes) and state = 'done'"
        #expect(try await number(ended) == jobs)
    }

    func stop() { redis.kill() }
}

/// A rig with a database on the tests' server.
func withQueueRig(_ body: @concurrent @Sendable (QueueRig) async throws -> Void) async throws {
    try await withDatabase { database in
        let rig = try QueueRig(databaseURL: database.url)
        defer { rig.stop() }
        try await body(rig)
    }
}

/// Prints a measured value in the form of `bin/bench`.
func printFigure(_ name: String, _ value: Double, _ unit: String, _ target: String) {
    print("figure \(name) \(String(format: "%.2f", value)) \(unit) \(target)")
}

import ArgumentParser
import FoundationEssentials
import JobAdmin
import JobIndex
import Jobs
import Logging
import Metrics
import Organizations
import Postgres
import Reactor
import Redis
import Replication
import Salesforce
import TenantAdmin

/// `multiconnect jobs`
struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Lists, retries, pauses and checks jobs.",
        discussion: """
            Exit status: 0 done; 64 wrong arguments; 65 the job's state does not allow it; 66 no such job, \
            tenant or pause; 69 a database does not answer; 78 settings are missing or invalid; 1 any other \
            failure.
            """,
        subcommands: [
            JobsListCommand.self, JobsShowCommand.self, JobsRetryCommand.self, JobsCancelCommand.self,
            JobsKillCommand.self, JobsDeleteCommand.self, JobsPauseCommand.self, JobsResumeCommand.self,
            JobsWeighCommand.self, JobsStatsCommand.self, JobsCheckCommand.self,
        ], defaultSubcommand: JobsListCommand.self)
}

/// The services of a command about jobs, with one connection to Postgres and one to Redis.
struct JobsSession: Sendable {
    let jobs: JobOperator
    let queue: JobQueue
    let recovery: TenantRecovery
    let tenants: TenantOperator
    let pool: PostgresPool
    let launch: Launch

    /// Runs `body` with a connection to a cell.
    func withCell<Value>(
        _ name: String, _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let connection = try await PostgresConnection.connect(launch.database(named: name))
        defer { connection.close() }
        return try await body(connection)
    }

    /// Runs a subcommand of `command`. Standard output has only the command's output. Failures go to standard
    /// error.
    static func open(
        _ command: String = "jobs", _ body: @escaping @concurrent @Sendable (JobsSession) async throws -> Void
    ) async throws {
        try await Launch.start(command) { launch in
            let pool = PostgresPool(
                configuration: try launch.database(named: Configuration.Defaults.cell), maximum: 1)
            defer { pool.close() }
            let cells = try cellPools(launch)
            defer { for pool in cells.values { pool.close() } }
            let redis = RedisClient(configuration: try launch.redis())
            defer { redis.close() }
            // No log lines, because they would be mixed into the command's output.
            let silent = Logger(label: "jobs") { _ in SwiftLogNoOpLogHandler() }
            let tallies = JobTallies()
            let queue = JobQueue(pool: pool, redis: redis, tallies: tallies, logger: silent)
            let recovery = TenantRecovery(control: pool, queue: queue, logger: silent)
            let jobs = JobOperator(
                pool: pool, queue: queue, index: QueueIndex(redis: redis), mask: ArgumentMask.standard,
                classNames: { launch.jobClassNames() },
                onGivenUp: { await recovery.noteGivenUp($0, $1) },
                onRetry: { await recovery.noteRetried($0) },
                logger: silent)
            let tenants = TenantOperator(
                control: pool, cells: cells, queue: queue, jobs: jobs, recovery: recovery, logger: silent)
            do {
                try await body(
                    JobsSession(
                        jobs: jobs, queue: queue, recovery: recovery, tenants: tenants, pool: pool,
                        launch: launch))
                // Written once, at the end. Without Redis the counts are lost.
                try? await MetricsBoard(redis: redis).write(tallies.take())
            } catch let exit as ExitCode {
                throw exit
            } catch {
                let failure = Self.failure(error)
                StandardError.write("multiconnect \(command): \(failure.message)\n")
                throw ExitCode(failure.code)
            }
        }
    }

    /// A pool of each cell. It connects on first use.
    private static func cellPools(_ launch: Launch) throws -> [String: PostgresPool] {
        try Dictionary(
            uniqueKeysWithValues: launch.configuration.cellNames.map {
                ($0, PostgresPool(configuration: try launch.database(named: $0), maximum: 1))
            })
    }

    private static func failure(_ error: any Error) -> CommandFailure {
        switch error {
        case let failure as CommandFailure: return failure
        case is CancellationError:
            return CommandFailure("interrupted: queued jobs continue", code: CommandFailure.temporary)
        case let error as JobsError where error.code == .refused:
            return CommandFailure(error.description, code: CommandFailure.dataError)
        case let error as PostgresError
        where error.sqlState == .undefinedTable || error.sqlState == .undefinedColumn:
            return CommandFailure("the control database is not migrated: run `multiconnect migrate`")
        case let error as PostgresError where error.isLoginRefusal:
            return CommandFailure(
                "the database refuses the login: \(error)", code: CommandFailure.unavailable)
        case let error as PostgresError where error.isTransient || error.isConnectionLoss:
            return CommandFailure("the database does not answer: \(error)", code: CommandFailure.unavailable)
        default: return CommandFailure("\(error)")
        }
    }

    /// The org ids of the jobs' tenants.
    func organizations(of jobs: [JobSummary]) async throws -> [UUID: String] {
        let ids = Set(jobs.compactMap(\.organizationID))
        let found = try await pool.withConnection { try await OrganizationStore(on: $0).find(ids: ids) }
        return found.mapValues(\.organizationID.text)
    }

    /// The tenant's UUID, from the UUID itself or from an org id with 15 or 18 characters.
    func tenant(_ text: String) async throws -> UUID { try await Self.tenant(text, in: pool) }

    /// The same, with a pool of the control database.
    static func tenant(_ text: String, in pool: PostgresPool) async throws -> UUID {
        if let id = UUID(uuidString: text) { return id }
        guard let organization = try? OrganizationID(text) else {
            throw CommandFailure(
                "\(text.debugDescription) is neither an org id nor a tenant's UUID", code: 64)
        }
        let found = try await pool.withConnection { try await OrganizationStore(on: $0).find(organization) }
        guard let found else {
            throw CommandFailure("there is no tenant \(organization)", code: CommandFailure.noInput)
        }
        return found.id
    }

    /// Throws if no tenant has this id. Without this check the command would silently have no effect.
    func requireTenant(_ id: UUID) async throws {
        let found = try await pool.withConnection { try await OrganizationStore(on: $0).find(id: id) }
        guard found != nil else {
            throw CommandFailure(
                "there is no tenant \(id.uuidString.lowercased())", code: CommandFailure.noInput)
        }
    }
}

/// The name that is recorded with an action.
struct ActorOption: ParsableArguments {
    @Option(
        help: ArgumentHelp("Your name, which is recorded. The default is the login name.", valueName: "name"))
    var by: String?

    /// The column's length, less the suffix.
    private static let longest = 100

    func validate() throws {
        guard let by else { return }
        guard (1...Self.longest).contains(by.unicodeScalars.count) else {
            throw ValidationError("--by must have 1 to \(Self.longest) characters")
        }
    }

    var name: String {
        let environment = ProcessInfo.processInfo.environment
        let user = by ?? environment["SUDO_USER"] ?? environment["USER"] ?? environment["LOGNAME"]
        return "\(user ?? "somebody") (command line)"
    }
}

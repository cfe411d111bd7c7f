import ArgumentParser
import FoundationEssentials
import Jobs
import Logging
import Metrics
import Organizations
import Postgres
import Reactor
import Redis
import Replication
import Salesforce

/// `multiconnect jobs`
struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Shows and mends jobs.",
        discussion: """
            Exit status: 0 done; 64 wrong arguments; 65 the jobs' states do not allow it; 66 there is no \
            such job, tenant or pause; 69 a database does not answer; 78 the environment is not complete; \
            1 anything else.
            """,
        subcommands: [
            JobsListCommand.self, JobsShowCommand.self, JobsRetryCommand.self, JobsCancelCommand.self,
            JobsKillCommand.self, JobsDeleteCommand.self, JobsPauseCommand.self, JobsResumeCommand.self,
            JobsWeighCommand.self, JobsStatsCommand.self, JobsCheckCommand.self,
        ], defaultSubcommand: JobsListCommand.self)
}

/// Why a command gave up: what the person reads, and the status that a script reads (sysexits.h).
struct CommandFailure: Error {
    static let dataError: Int32 = 65
    static let noInput: Int32 = 66
    static let unavailable: Int32 = 69

    let message: String
    let code: Int32

    init(_ message: String, code: Int32 = 1) {
        self.message = message
        self.code = code
    }
}

/// What a command about jobs works with: one connection to each database.
struct JobsDesk: Sendable {
    let jobs: JobOperator
    let queue: JobQueue
    let recovery: TenantRecovery
    let pool: PostgresPool

    /// Runs a subcommand of `command`. Standard output is left to its answer; failures go to standard error.
    static func open(
        _ command: String = "jobs", _ body: @escaping @concurrent @Sendable (JobsDesk) async throws -> Void
    ) async throws {
        try await Launch.start(command) { launch in
            let pool = PostgresPool(
                configuration: try launch.database(named: Configuration.Defaults.cell), maximum: 1)
            defer { pool.close() }
            let redis = RedisClient(configuration: try launch.redis())
            defer { redis.close() }
            // The record of what is done is a row; log lines would stand in the answer.
            let silent = Logger(label: "jobs") { _ in SwiftLogNoOpLogHandler() }
            let tallies = JobTallies()
            let queue = JobQueue(pool: pool, redis: redis, tallies: tallies, logger: silent)
            let recovery = TenantRecovery(control: pool, queue: queue, logger: silent)
            let jobs = JobOperator(
                pool: pool, queue: queue, mask: ArgumentMask.standard, classNames: JobClasses.all,
                onDeath: { await recovery.noteGivenUp($0, $1) }, onRetry: { await recovery.noteRetried($0) },
                logger: silent)
            do {
                try await body(JobsDesk(jobs: jobs, queue: queue, recovery: recovery, pool: pool))
                // A command is over before any period is; without Redis its jobs are not counted.
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

    private static func failure(_ error: any Error) -> CommandFailure {
        switch error {
        case let failure as CommandFailure: return failure
        case let error as JobsError where error.code == .refused:
            return CommandFailure(error.description, code: CommandFailure.dataError)
        case let error as PostgresError
        where error.sqlState == .undefinedTable || error.sqlState == .undefinedColumn:
            return CommandFailure("the control database is not migrated: run `multiconnect migrate` first")
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

    /// The tenant that a text names: an org id of either length, or the tenant's own id.
    func tenant(_ text: String) async throws -> UUID {
        if let id = UUID(uuidString: text) { return id }
        guard let organization = try? OrganizationID(text) else {
            throw CommandFailure("\(text.debugDescription) is no org id and no tenant's id", code: 64)
        }
        let found = try await pool.withConnection { try await OrganizationStore(on: $0).find(organization) }
        guard let found else {
            throw CommandFailure("there is no tenant \(organization)", code: CommandFailure.noInput)
        }
        return found.id
    }

    /// Gives up on an id that no tenant has: what is asked for it would have no effect, and nobody would notice.
    func requireTenant(_ id: UUID) async throws {
        let found = try await pool.withConnection { try await OrganizationStore(on: $0).find(id: id) }
        guard found != nil else {
            throw CommandFailure(
                "there is no tenant \(id.uuidString.lowercased())", code: CommandFailure.noInput)
        }
    }
}

/// Who an action is recorded as.
struct ActorOption: ParsableArguments {
    @Option(help: ArgumentHelp("Who does this, for the record.", valueName: "name"))
    var by: String?

    /// What the tables keep, with room for where it was done.
    private static let longest = 100

    func validate() throws {
        guard let by else { return }
        guard (1...Self.longest).contains(by.unicodeScalars.count) else {
            throw ValidationError("--by takes 1 to \(Self.longest) characters")
        }
    }

    var name: String {
        let environment = ProcessInfo.processInfo.environment
        let user = by ?? environment["SUDO_USER"] ?? environment["USER"] ?? environment["LOGNAME"]
        return "\(user ?? "somebody") (command line)"
    }
}

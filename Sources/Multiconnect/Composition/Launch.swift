import ArgumentParser
import FoundationEssentials
import Logging
import Postgres
import Reactor

/// The start of every process: configuration, loops, log and signals.
struct Launch: Sendable {
    /// How long a stop may take. Heroku sends SIGKILL after 30 s.
    static let stopLimit = Duration.seconds(28)

    /// For SIGHUP: reloads certificates, for example.
    let reload = SignalAction()
    /// For SIGTSTP: stops claiming jobs. Only a worker handles this signal.
    let quiet = SignalAction()
    let role: String
    let configuration: Configuration
    let loops: [EventLoop]
    /// The limit of open file descriptors.
    let descriptors: Int
    let startTime = Date()
    let logger: Logger

    /// Reads the environment, starts the loops, and runs `body` on the first loop. A signal to stop cancels
    /// `body`, which then finishes its open work. Exits with 78 if settings are missing or invalid, and with
    /// 69 if a database does not answer or refuses the login.
    ///
    /// - Parameter others: signals that this process handles beside those of all processes.
    static func start(
        _ role: String, signals others: [Signal] = [],
        _ body: @escaping @concurrent @Sendable (Launch) async throws -> Void
    ) async throws {
        CoreDumps.disable()
        // Before any thread starts: threads inherit the signal mask.
        SignalSource.claim([.terminate, .interrupt, .hangup] + others)
        let environment = ProcessInfo.processInfo.environment
        let logger = startLogging(role, level: Configuration.logLevel(environment: environment))
        do {
            let cores = ProcessInfo.processInfo.activeProcessorCount
            let configuration = try Configuration(environment: environment, cores: cores)
            let loops = (0..<configuration.loops).map { EventLoop(name: "\(role)-\($0)") }
            let launch = Launch(
                role: role, configuration: configuration, loops: loops,
                descriptors: DescriptorLimit.raise(), logger: logger)
            try await loops[0].run { try await launch.untilSignalled(body) }
            try flushAnswer(role)
        } catch let problems as ConfigurationProblems {
            for problem in problems.problems { logger.critical("configuration: \(problem)") }
            throw ExitCode(ConfigurationProblems.exitCode)
        } catch let exit as ExitCode {
            throw exit
        } catch let error as PostgresError where error.isMissingSchema {
            logger.critical(
                "database is not migrated: run `multiconnect migrate`", metadata: ["error": "\(error)"])
            throw ExitCode.failure
        } catch {
            logger.critical("\(role) failed", metadata: ["error": "\(error)"])
            throw ExitCode(exitStatus(of: error))
        }
    }

    private static func exitStatus(of error: any Error) -> Int32 {
        guard let error = error as? PostgresError else { return ExitCode.failure.rawValue }
        let isAbsent = error.isTransient || error.isConnectionLoss || error.isLoginRefusal
        return isAbsent ? CommandFailure.unavailable : ExitCode.failure.rawValue
    }

    /// Flushes the command's output. A failure is not logged, because the log goes to the same descriptor.
    private static func flushAnswer(_ role: String) throws {
        do throws(ReactorError) {
            try StandardOutput.flushPrinted()
        } catch {
            StandardError.write("multiconnect \(role): \(error)\n")
            throw ExitCode.failure
        }
    }

    private static func startLogging(_ label: String, level: Logger.Level) -> Logger {
        LoggingSystem.bootstrap { LogfmtHandler(label: $0, level: level) }
        return Logger(label: label)
    }

    private func untilSignalled(_ body: @escaping @concurrent @Sendable (Launch) async throws -> Void)
        async throws
    {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body(self) }
            group.addTask { try await waitForStop() }
            defer { group.cancelAll() }
            try await group.next()
            group.cancelAll()
            do {
                while try await group.next() != nil {}
            } catch is CancellationError {}
        }
    }

    private func waitForStop() async throws {
        let source = try SignalSource()
        defer { source.close() }
        while true {
            let signal = try await source.next()
            switch signal {
            case .hangup: reload.signal()
            case .quiet: quiet.signal()
            case .terminate, .interrupt: return stop(signal)
            }
        }
    }

    private func stop(_ signal: Signal) {
        logger.notice("stopping", metadata: ["signal": "\(signal)"])
        // Exit even if a task ignores its cancellation.
        EventLoop.current.schedule(at: .now + Self.stopLimit) {
            logger.critical("stop timed out", metadata: ["limit": "\(Self.stopLimit)"])
            Exit.exit(withError: ExitCode.failure)
        }
    }
}

/// Exits with the statuses of commands.
private struct Exit: ParsableArguments {}

extension PostgresError {
    /// Whether a table, column or schema does not exist.
    fileprivate var isMissingSchema: Bool {
        [.undefinedTable, .undefinedColumn, .undefinedSchema].contains(sqlState)
    }
}

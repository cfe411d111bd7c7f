import ArgumentParser
import FoundationEssentials
import Logging
import Postgres
import Reactor
import Synchronization

/// What every long-running process starts with: its configuration, its loops and its log.
struct Launch: Sendable {
    /// From the signal to the end; Heroku kills after 30 s.
    static let stopLimit = Duration.seconds(28)

    /// What a signal asks for that does not end the process.
    final class Wish: Sendable {
        private let state = Mutex<(action: (@Sendable () -> Void)?, isEarly: Bool)>((nil, false))

        /// Does what the signal asks for from now on, and at once if it came before.
        func set(_ action: @escaping @Sendable () -> Void) {
            let isEarly = state.withLock { state in
                defer { state = (action, false) }
                return state.isEarly
            }
            if isEarly { action() }
        }

        func callAsFunction() {
            let action = state.withLock { state in
                if state.action == nil { state.isEarly = true }
                return state.action
            }
            action?()
        }
    }

    /// SIGHUP: new certificates, for instance.
    let reload = Wish()
    /// SIGTSTP: no further jobs. Only a worker takes it from its usual effect.
    let quiet = Wish()
    let role: String
    let configuration: Configuration
    let loops: [EventLoop]
    /// How many descriptors the process may have open.
    let descriptors: Int
    let startTime = Date()
    let logger: Logger

    /// Reads the environment, starts the loops and runs `body` on the first of them until it ends or a signal asks the
    /// process to stop; then `body` is cancelled and finishes what it has begun. Exits with 78 when the environment is
    /// not complete.
    ///
    /// - Parameter others: signals that the process reacts to beside those that all do.
    static func start(
        _ role: String, signals others: [Signal] = [],
        _ body: @escaping @concurrent @Sendable (Launch) async throws -> Void
    ) async throws {
        CoreDumps.disable()
        // Before any thread is started, so that all of them leave signals to the source.
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
                "the database is not migrated: run `multiconnect migrate`", metadata: ["error": "\(error)"])
            throw ExitCode.failure
        } catch {
            logger.critical("\(role) cannot go on", metadata: ["error": "\(error)"])
            throw ExitCode.failure
        }
    }

    /// Sends what a command has printed. The log is of no use for the failure: it goes to the same place.
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
            case .hangup: reload()
            case .quiet: quiet()
            case .terminate, .interrupt: return stop(signal)
            }
        }
    }

    private func stop(_ signal: Signal) {
        logger.notice("stopping", metadata: ["signal": "\(signal)"])
        // Whatever ignores its cancellation must not keep the process until it is killed.
        EventLoop.current.schedule(at: .now + Self.stopLimit) {
            logger.critical("stopping took too long", metadata: ["limit": "\(Self.stopLimit)"])
            Multiconnect.exit(withError: ExitCode.failure)
        }
    }
}

extension PostgresError {
    /// A table, column or schema of ours is not there.
    fileprivate var isMissingSchema: Bool {
        [.undefinedTable, .undefinedColumn, .undefinedSchema].contains(sqlState)
    }
}

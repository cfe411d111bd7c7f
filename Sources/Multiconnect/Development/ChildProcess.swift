import FoundationEssentials
import Subprocess

/// A program that runs beside this one and ends with it. What it prints goes to a file.
struct ChildProcess: Sendable {
    enum Limits {
        /// Between SIGTERM and SIGKILL: a worker takes up to 25 s to hand its jobs back.
        static let termination = Duration.seconds(28)
    }

    /// A child that ended although nobody told it to.
    struct Ended: Error, CustomStringConvertible {
        let name: String
        /// Its last lines: the file is gone when this is shown.
        let lines: String

        init(name: String, logFile: String) {
            self.name = name
            lines = ChildProcess.lastLines(of: logFile)
        }

        var description: String { "\(name) ended unexpectedly; its last lines:\n\(lines)" }
    }

    /// The end of a log.
    static func lastLines(of logFile: String) -> String {
        let text = (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(20).joined(separator: "\n")
    }

    var name: String
    var program: String
    var arguments: [String]
    var environment: [String: String] = [:]
    var logFile: String
    var workingDirectory: String
    /// Names the processes that `DevelopmentGuard` ends if this process cannot.
    var registry: String

    /// Runs the program until the calling task is cancelled; throws `Ended` when it ends before.
    func run() async throws {
        _ = try await start()
        try Task.checkCancellation()
        throw Ended(name: name, logFile: logFile)
    }

    /// Runs the program to its end; throws `Ended` unless it succeeds.
    func finish() async throws {
        guard try await start().isSuccess else { throw Ended(name: name, logFile: logFile) }
    }

    private func start() async throws -> TerminationStatus {
        // The shell notes its process, which becomes the program's.
        let script = """
            echo "$$ $(cut -d' ' -f22 /proc/$$/stat)" >>"$1" && cd "$2" && exec >>"$3" 2>&1 || exit 1
            shift 3; exec "$@"
            """
        let words = ["-c", script, "sh", registry, workingDirectory, logFile, program] + arguments
        return try await Subprocess.run(
            .name("sh"), arguments: Arguments(words), environment: childEnvironment, platformOptions: options,
            output: .discarded
        ).terminationStatus
    }

    private var childEnvironment: Environment {
        let inherited = ProcessInfo.processInfo.environment
        var values = ["PATH": inherited["PATH"] ?? "/usr/bin:/bin", "LC_ALL": "C.UTF-8"]
        values.merge(environment) { $1 }
        return .custom(Dictionary(uniqueKeysWithValues: values.map { (Environment.Key(rawValue: $0)!, $1) }))
    }

    private var options: PlatformOptions {
        var options = PlatformOptions()
        // A group of its own: the terminal's Ctrl-C reaches only this process, which ends the others in order.
        options.processGroupID = 0
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: Limits.termination)]
        return options
    }
}

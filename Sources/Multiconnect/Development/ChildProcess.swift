import FoundationEssentials
import Subprocess

/// A child process that ends with this process. Its output goes to a file.
struct ChildProcess: Sendable {
    enum Limits {
        /// Between SIGTERM and SIGKILL: a worker needs up to 25 s to requeue its jobs.
        static let termination = Duration.seconds(28)
    }

    /// A child exited without a request to stop.
    struct Ended: Error, CustomStringConvertible {
        let name: String
        /// The last lines of its log, read at once because the file is removed at the end.
        let lines: String

        init(name: String, logFile: String) {
            self.name = name
            lines = ChildProcess.lastLines(of: logFile)
        }

        var description: String { "\(name) exited unexpectedly. The end of its log:\n\(lines)" }
    }

    /// The last 20 lines of a log.
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
    /// The file that lists the processes for `DevelopmentGuard`.
    var registry: String

    /// Runs the program until the calling task is cancelled. Throws `Ended` if it exits before.
    func run() async throws {
        _ = try await start()
        try Task.checkCancellation()
        throw Ended(name: name, logFile: logFile)
    }

    /// Runs the program to its end. Throws `Ended` if it fails.
    func finish() async throws {
        guard try await start().isSuccess else { throw Ended(name: name, logFile: logFile) }
    }

    private func start() async throws -> TerminationStatus {
        // The shell records its process id and start time, and then becomes the program.
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
        // A new process group: Ctrl-C reaches only this process, which then stops the others in order.
        options.processGroupID = 0
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: Limits.termination)]
        return options
    }
}

import Foundation
import Synchronization

/// A process of a test: the built binary or a server. Its output is kept for assertions and failures.
final class Program: Sendable {
    struct State {
        var output = Data()
        var pid: Int32 = 0
    }

    private let state = Mutex(State())
    /// Signalled when the whole output has been read. The process may have ended before that.
    private let isDrained = DispatchSemaphore(value: 0)
    private let process: ProcessBox
    let name: String

    /// Foundation's process, only started here and asked for its end.
    private final class ProcessBox: @unchecked Sendable {
        // SAFETY: configured before it is shared. Any thread may call `isRunning`, `waitUntilExit` and the
        // status.
        let process = Process()
    }

    /// The folder with the products of this test run.
    static let products: URL = {
        let runner = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: runner ?? CommandLine.arguments[0]).deletingLastPathComponent()
    }()

    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Starts `multiconnect` with these arguments and only this environment.
    static func multiconnect(_ arguments: [String], environment: [String: String]) throws -> Program {
        try Program(
            arguments.first ?? "multiconnect", products.appendingPathComponent("multiconnect").path,
            arguments,
            environment: environment)
    }

    /// The environment of a command of the operator `ann`. Without `redis` the command cannot reach Redis.
    static func commandEnvironment(
        _ databaseURL: String, redis: String = "redis://127.0.0.1:1"
    ) -> [String: String] {
        [
            "DATABASE_URL": databaseURL, "REDIS_URL": redis, "SALESFORCE_KEY": "k", "SALESFORCE_SECRET": "s",
            "APP_URL": "http://127.0.0.1:1", "USER": "ann",
            "SECRET": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "LOG_LEVEL": "critical",
        ]
    }

    /// Starts a shell command in which `$0` is the path of `multiconnect`, with `input` as its standard
    /// input.
    static func shell(
        _ command: String, environment: [String: String], input: FileHandle? = nil
    ) throws -> Program {
        try Program(
            "web", "/bin/bash", ["-c", command, products.appendingPathComponent("multiconnect").path],
            environment: environment, input: input)
    }

    init(
        _ name: String, _ path: String, _ arguments: [String], environment: [String: String] = [:],
        input: FileHandle? = nil
    ) throws {
        self.name = name
        process = ProcessBox()
        let process = process.process
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = Program.repository
        process.environment = environment.merging([
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        ]) { own, _ in own }
        if let input { process.standardInput = input }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        let isDrained = isDrained
        let reader = pipe.fileHandleForReading
        // A thread of its own: tests that wait for processes can block all threads of the shared queues.
        Thread.detachNewThread { [weak self] in
            while case let data = reader.availableData, !data.isEmpty {
                self?.state.withLock { $0.output += data }
            }
            isDrained.signal()
        }
        try process.run()
        state.withLock { $0.pid = process.processIdentifier }
    }

    deinit { signal(SIGKILL) }

    var pid: Int32 { state.withLock { $0.pid } }

    /// The output so far. Complete once the process has ended.
    var output: String {
        if !isRunning { drain() }
        return String(decoding: state.withLock { $0.output }, as: UTF8.self)
    }
    var isRunning: Bool { process.process.isRunning }

    func signal(_ number: Int32) {
        if isRunning { _ = Foundation.kill(pid, number) }
    }

    /// Sends SIGKILL and waits until the process has ended.
    func kill() {
        signal(SIGKILL)
        process.process.waitUntilExit()
    }

    /// Waits for the exit status. A process that does not end in time is killed, which is status 9.
    func exitStatus(within limit: Duration = .seconds(120)) -> Int32 {
        let deadline = ContinuousClock.now + limit
        while isRunning {
            if ContinuousClock.now > deadline { signal(SIGKILL) }
            usleep(2000)
        }
        drain()
        return process.process.terminationStatus
    }

    /// Waits until the output is read to its end, for at most 5 s, because a child of the process may hold
    /// the pipe open.
    private func drain() {
        if isDrained.wait(timeout: .now() + .seconds(5)) == .success { isDrained.signal() }
    }
}

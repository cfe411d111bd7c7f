import Foundation
import Synchronization

/// A process of a test: the built binary or a server. What it prints is kept for assertions and failures.
final class Program: Sendable {
    struct State {
        var output = ""
        var pid: Int32 = 0
    }

    private let state = Mutex(State())
    private let process: ProcessBox
    let name: String

    /// Foundation's process, which is only started here and asked for its end.
    private final class ProcessBox: @unchecked Sendable {
        // SAFETY: configured before it is shared; `isRunning`, `waitUntilExit` and the status may be asked by any thread.
        let process = Process()
    }

    /// The folder with everything that was built for this test run.
    static let products: URL = {
        let runner = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: runner ?? CommandLine.arguments[0]).deletingLastPathComponent()
    }()

    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Starts `multiconnect` with these arguments and this environment only.
    static func multiconnect(_ arguments: [String], environment: [String: String]) throws -> Program {
        try Program(
            arguments.first ?? "multiconnect", products.appendingPathComponent("multiconnect").path,
            arguments,
            environment: environment)
    }

    /// Starts a shell command in which `$0` is the path of `multiconnect`; with `input` as its standard input.
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
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            self?.state.withLock { $0.output += String(decoding: data, as: UTF8.self) }
        }
        try process.run()
        state.withLock { $0.pid = process.processIdentifier }
    }

    deinit { signal(SIGKILL) }

    var pid: Int32 { state.withLock { $0.pid } }
    var output: String { state.withLock { $0.output } }
    var isRunning: Bool { process.process.isRunning }

    func signal(_ number: Int32) {
        if isRunning { _ = Foundation.kill(pid, number) }
    }

    /// SIGKILL, and waits until the process is gone.
    func kill() {
        signal(SIGKILL)
        process.process.waitUntilExit()
    }

    /// The exit status, waited for.
    func exitStatus() -> Int32 {
        process.process.waitUntilExit()
        return process.process.terminationStatus
    }
}

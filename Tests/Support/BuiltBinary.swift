import Foundation
import Synchronization

/// The built `multiconnect` as a process of its own, for tests of what only a process can show: signals,
/// kill -9, exit codes, start-up errors. It is killed when the last reference goes.
package final class BuiltBinary: Sendable {
    /// Both output streams, as complete lines.
    package struct Output: Sendable {
        package fileprivate(set) var lines: [String] = []
        fileprivate var partial = Data()

        fileprivate mutating func append(_ data: Data) {
            partial.append(data)
            while let end = partial.firstIndex(of: UInt8(ascii: "\n")) {
                lines.append(String(decoding: partial[partial.startIndex..<end], as: UTF8.self))
                partial = Data(partial[partial.index(after: end)...])
            }
        }

        fileprivate mutating func finish() {
            if !partial.isEmpty { append(Data("\n".utf8)) }
        }
    }

    package struct Exit: Hashable, Sendable {
        /// The exit status, or the signal's number if a signal ended the process.
        package let code: Int32
        package let wasSignalled: Bool
    }

    package struct Missing: Error, CustomStringConvertible {
        package let path: String
        package var description: String { "there is no built binary at \(path)" }
    }

    private let output = Mutex(Output())
    private let state: Mutex<Process>
    /// The process id.
    package let identifier: Int32

    /// Starts `multiconnect` with these arguments.
    ///
    /// - Parameter environment: all of it; of this process only PATH and HOME are passed on.
    package init(_ arguments: [String], environment: [String: String] = [:]) throws {
        let path = Self.path
        guard FileManager.default.isExecutableFile(atPath: path) else { throw Missing(path: path) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let own = ProcessInfo.processInfo.environment
        process.environment = ["PATH": own["PATH"] ?? "", "HOME": own["HOME"] ?? "/"].merging(environment) {
            $1
        }
        process.standardInput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        identifier = process.processIdentifier
        state = Mutex(process)
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            self?.output.withLock { data.isEmpty ? $0.finish() : $0.append(data) }
        }
    }

    deinit {
        if state.withLock({ $0.isRunning }) { kill(identifier, SIGKILL) }
    }

    /// The executable beside this test bundle.
    package static var path: String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("multiconnect")
            .path
    }

    /// All lines so far, of both streams.
    package var lines: [String] { output.withLock { $0.lines } }

    package var isRunning: Bool { state.withLock { $0.isRunning } }

    package func send(_ signal: Int32) {
        kill(identifier, signal)
    }

    /// kill -9: nothing of the process can react.
    package func killNow() {
        send(SIGKILL)
    }

    /// The first line that contains `text`, as soon as there is one. Throws `ConditionTimeout` with the
    /// output if there is none in time.
    package func line(containing text: String, within limit: Duration = .seconds(30)) async throws -> String {
        var found: String?
        do {
            try await eventually(within: limit) {
                found = lines.first { $0.contains(text) }
                return found != nil || !isRunning
            }
        } catch is ConditionTimeout {}
        if let found = found ?? lines.first(where: { $0.contains(text) }) { return found }
        throw ConditionTimeout(
            what: "a line with \"\(text)\" in:\n" + lines.joined(separator: "\n") + "\nwhich")
    }

    /// Waits for the end of the process.
    package func exit(within limit: Duration = .seconds(40)) async throws -> Exit {
        try await eventually(within: limit, "the exit of multiconnect") { !isRunning }
        return state.withLock { process in
            Exit(code: process.terminationStatus, wasSignalled: process.terminationReason == .uncaughtSignal)
        }
    }

    /// A TCP port of the loopback address that is free now.
    package static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw POSIXError(.EMFILE) }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
            }
        }
        guard status == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        return UInt16(bigEndian: address.sin_port)
    }
}

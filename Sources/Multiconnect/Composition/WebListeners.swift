import Reactor

/// The listening sockets of each loop of the web process.
///
/// With sockets from systemd, every loop serves all of them. Else, with `UNIX_SOCKET`, the loops share one
/// Unix socket. Else each loop has its own socket on the port, and the kernel distributes the connections.
struct WebListeners: Sendable {
    /// Another process listens on the socket or port.
    struct InUse: Error, CustomStringConvertible {
        let setting: String
        let value: String
        var description: String {
            "\(setting) \(value) is in use: stop the process that listens on it, or set another \(setting)"
        }
    }

    private let byLoop: [[Listener]]

    /// Opens the sockets of all loops. Throws if a port is in use, before any connection is accepted.
    static func open(_ configuration: Configuration, loops: [EventLoop]) async throws -> WebListeners {
        var byLoop: [[Listener]] = []
        do {
            for loop in loops {
                let first = byLoop.first?.first
                byLoop.append(try await loop.run { try open(configuration, after: first) })
            }
        } catch let error as ReactorError where error.isAddressInUse {
            // Also thrown if the path is a file that is not a socket.
            throw configuration.unixSocket.map { InUse(setting: "UNIX_SOCKET", value: $0) }
                ?? InUse(setting: "PORT", value: "\(configuration.port)")
        }
        return WebListeners(byLoop: byLoop)
    }

    private static func open(
        _ configuration: Configuration, after first: Listener?
    ) throws(ReactorError) -> [Listener] {
        if !configuration.activatedSockets.isEmpty {
            return try configuration.activatedSockets.map { descriptor throws(ReactorError) in
                try Listener.shared(descriptor: descriptor)
            }
        }
        guard let path = configuration.unixSocket else {
            return [
                try Listener.everywhere(
                    port: configuration.port, sharing: first == nil ? .first : .further)
            ]
        }
        // The first loop's listener owns the file and removes it.
        if let first { return [try Listener.shared(descriptor: first.descriptor)] }
        return [try Listener.unix(path: path)]
    }

    subscript(loop index: Int) -> [Listener] { byLoop[index] }

    /// The addresses, for the log.
    var description: String { byLoop.first?.map(\.address.description).joined(separator: " ") ?? "" }
}

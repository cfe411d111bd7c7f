import Reactor

/// The sockets that the web process listens on, a set for each of its loops.
///
/// Sockets that systemd passes are all served, by every loop; else a Unix socket, if there is one, which the loops share;
/// else each loop has a socket of its own on the port, and the kernel spreads the connections over them.
struct WebListeners: Sendable {
    /// Another process listens there.
    struct InUse: Error, CustomStringConvertible {
        let setting: String
        let value: String
        var description: String {
            "\(setting) \(value) is in use: stop the process that listens on it, or set another \(setting)"
        }
    }

    private let byLoop: [[Listener]]

    /// Opens all of them before anybody is served: a port that is taken ends the process at once.
    static func open(_ configuration: Configuration, loops: [EventLoop]) async throws -> WebListeners {
        var byLoop: [[Listener]] = []
        do {
            for loop in loops {
                let first = byLoop.first?.first
                byLoop.append(try await loop.run { try open(configuration, after: first) })
            }
        } catch let error as ReactorError where error.isAddressInUse {
            // Any file that is no socket is in the way, too.
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

    /// Where clients find the process, for the log.
    var description: String { byLoop.first?.map(\.address.description).joined(separator: " ") ?? "" }
}

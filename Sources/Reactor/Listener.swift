internal import CLinux

/// A socket that accepts connections. Loop-confined.
// SAFETY: loop-confined, checked by `EventLoop.assertCurrent`.
package final class Listener: @unchecked Sendable {
    enum Limits {
        /// The length of the kernel's accept queue, capped by net.core.somaxconn.
        static let backlog: Int32 = 4096
        /// Pause of accepting after descriptors or memory have run out.
        static let pauseAfterExhaustion = Duration.milliseconds(50)
    }

    /// The address, with the port that the kernel chose.
    package let address: SocketAddress
    package let descriptor: Int32
    private let registration: DescriptorRegistration
    private var isOpen = true
    private var isStopping = false
    /// The socket file, removed at the end.
    private let path: String?
    /// Identifies the file: a successor may have replaced it.
    private let inode: UInt?

    private init(descriptor: Int32, events: Events, path: String? = nil) throws(ReactorError) {
        self.descriptor = descriptor
        self.path = path
        inode = path.flatMap(Listener.inode)
        address =
            unsafe SocketAddress(of: descriptor) { unsafe getsockname($0, $1, $2) } ?? .unix(path: path ?? "")
        registration = DescriptorRegistration(descriptor: descriptor, loop: .current)
        do {
            try registration.open(events: events)
        } catch {
            CLinux.close(descriptor)
            throw error
        }
    }

    deinit {
        guard isOpen else { return }
        let (registration, descriptor) = (registration, descriptor)
        registration.loop.post {
            registration.close()
            CLinux.close(descriptor)
        }
    }

    /// Whether listeners share a port, each on its own loop. The kernel distributes connections over them.
    package enum PortSharing: Sendable {
        case none
        /// The first listener of a process. It fails if any process listens on the port, even if that process
        /// shares it among its own loops.
        case first
        /// Shares the port of the first one.
        case further
    }

    /// Listens on an IP address. Port 0 lets the kernel choose.
    package static func tcp(host: String, port: UInt16, sharing: PortSharing = .none) throws(ReactorError)
        -> Listener
    {
        guard let address = SocketAddress(ip: host, port: port) else {
            throw ReactorError(.unresolved, operation: "listen on \(host)")
        }
        let share = { (descriptor: Int32) in Socket.setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        // socket(7): an option set after bind(2) applies to later sockets.
        let descriptor = try open(address, bound: sharing == .first ? share : { _ in }) { descriptor in
            Socket.setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
            // tcp(7): accepted sockets inherit it.
            Socket.disableDelay(descriptor, address)
            if sharing == .further { share(descriptor) }
            // An IPv6 listener on `::` serves IPv4 too.
            if case .ipv6 = address { Socket.setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
        }
        return try Listener(descriptor: descriptor, events: [.readable, .edgeTriggered])
    }

    /// Listens on all addresses: IPv6 and IPv4 together, or only IPv4 if there is no IPv6.
    package static func everywhere(port: UInt16, sharing: PortSharing = .none) throws(ReactorError)
        -> Listener
    {
        do throws(ReactorError) {
            return try tcp(host: "::", port: port, sharing: sharing)
        } catch  where error.errno == EAFNOSUPPORT || error.errno == EADDRNOTAVAIL {
            return try tcp(host: "0.0.0.0", port: port, sharing: sharing)
        }
    }

    /// Listens on a socket file. It replaces a stale one. It fails if another kind of file is there, or if a
    /// process listens on it. Other loops may share its descriptor.
    package static func unix(path: String) throws(ReactorError) -> Listener {
        if isSocket(path) {
            guard !isAnswered(path) else {
                throw ReactorError(.system, operation: "listen on unix:\(path)", errno: EADDRINUSE)
            }
            _ = unsafe CLinux.unlink(path)
        }
        let descriptor = try open(.unix(path: path)) { _ in }
        return try Listener(
            descriptor: descriptor, events: [.readable, .exclusive, .edgeTriggered], path: path)
    }

    /// Takes over a listening descriptor, for example of systemd or of another loop. Its loops share the
    /// connections.
    package static func shared(descriptor: Int32) throws(ReactorError) -> Listener {
        let own = fcntl_int(descriptor, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { throw .system("fcntl") }
        _ = fcntl_int(own, F_SETFL, fcntl_int(own, F_GETFL, 0) | O_NONBLOCK)
        let listener = try Listener(descriptor: own, events: [.readable, .exclusive, .edgeTriggered])
        Socket.disableDelay(own, listener.address)
        return listener
    }

    private static func open(
        _ address: SocketAddress, bound: (Int32) -> Void = { _ in }, _ prepare: (Int32) -> Void
    ) throws(ReactorError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = CLinux.socket(address.family, type, 0)
        guard descriptor >= 0 else { throw .system("socket") }
        prepare(descriptor)
        let status = unsafe address.withKernelForm { unsafe CLinux.bind(descriptor, $0, $1) }
        if status == 0 { bound(descriptor) }
        guard status == 0, CLinux.listen(descriptor, Limits.backlog) == 0 else {
            let error = ReactorError.system("listen on \(address)")
            CLinux.close(descriptor)
            throw error
        }
        return descriptor
    }

    /// The next connection. Errors of single connections are skipped. If descriptors or memory run out, it
    /// pauses and continues. Throws `CancellationError`, and `ReactorError.closed` after `close`, or after
    /// `stop` once the kernel's queue is empty.
    package func accept() async throws -> Socket {
        while true {
            guard isOpen else { throw ReactorError(.closed, operation: "accept") }
            try Task.checkCancellation()
            let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            var accepted: Int32 = -1
            let peer = unsafe SocketAddress(of: descriptor) { descriptor, address, length in
                accepted = unsafe accept4(descriptor, address, length, flags)
                return accepted >= 0 ? 0 : -1
            }
            if accepted >= 0 {
                guard let socket = try? Socket(descriptor: accepted, peer: peer) else { continue }
                return socket
            }
            let error = lastErrorNumber()
            switch Listener.consequence(of: error) {
            case .wait: try await waitForConnection()
            case .rest: try await registration.loop.sleep(for: Limits.pauseAfterExhaustion)
            case .goOn: continue
            case .fail: throw ReactorError(.system, operation: "accept", errno: error)
            }
        }
    }

    private func waitForConnection() async throws {
        guard !isStopping else { throw ReactorError(.closed, operation: "accept") }
        do {
            try await registration.wait(for: .reading, until: nil)
        } catch let error as ReactorError where error.code == .closed && isOpen {
            // After `stop`: connections that the kernel already holds are still accepted.
        }
    }

    /// The consequence of an error of accept(2).
    enum Consequence {
        /// The queue is empty: wait for the next connection.
        case wait
        /// Descriptors or memory have run out: pause, then try again.
        case rest
        /// It was an error of one connection, or an interruption.
        case goOn
        /// The listener has failed.
        case fail
    }

    static func consequence(of error: Int32) -> Consequence {
        switch error {
        case EAGAIN: .wait
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: .rest
        // accept(2) reports pending network errors of the new connection. The listener still works.
        case EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET,
            EOPNOTSUPP, ENOPROTOOPT, ETIMEDOUT:
            .goOn
        default: .fail
        }
    }

    /// Accepts only the connections that the kernel already holds. Closing at once would reset them.
    package func stop() {
        guard isOpen, !isStopping else { return }
        isStopping = true
        registration.close()
    }

    package func close() {
        guard isOpen else { return }
        isOpen = false
        registration.close()
        CLinux.close(descriptor)
        if let path, let inode, Listener.inode(path) == inode { _ = unsafe CLinux.unlink(path) }
    }

    private static func isSocket(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 && status.st_mode & UInt32(S_IFMT) == UInt32(S_IFSOCK)
    }

    /// Whether a process listens on a socket file. A stale file refuses at once.
    private static func isAnswered(_ path: String) -> Bool {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = CLinux.socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return false }
        defer { CLinux.close(descriptor) }
        let status = unsafe SocketAddress.unix(path: path).withKernelForm {
            unsafe CLinux.connect(descriptor, $0, $1)
        }
        // A full queue (EAGAIN) also means that a process listens.
        return status == 0 || lastErrorNumber() == EAGAIN
    }

    private static func inode(_ path: String) -> UInt? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? UInt(status.st_ino) : nil
    }
}

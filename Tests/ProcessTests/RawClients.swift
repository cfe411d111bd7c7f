import Foundation

/// Many cheap connections to one server: blocking sockets without tasks or a loop, and one poll(2) that waits
/// for all. The sockets use several addresses of 127.0.0.0/8, because a server limits the connections of one
/// address.
final class RawClients {
    enum Failure: Error {
        case connect(Int32)
    }

    /// Bytes that a client has received and that no `takeResponse` has returned.
    private var received: [[UInt8]] = []
    private var descriptors: [Int32] = []
    /// Clients whose connection the server has ended.
    private(set) var ended: Set<Int> = []

    private static let perAddress = 1000

    /// Raises the descriptor limit of this process to the hard limit, and returns it.
    @discardableResult
    static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }

    deinit {
        for descriptor in descriptors where descriptor >= 0 { close(descriptor) }
    }

    /// The numbers of the open connections.
    var connected: [Int] { descriptors.indices.filter { descriptors[$0] >= 0 } }

    /// Opens `count` more connections and returns their numbers.
    @discardableResult
    func connect(_ count: Int, to port: UInt16) throws -> [Int] {
        try (0..<count).map { _ in
            let number = descriptors.count
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw Failure.connect(errno) }
            let source = UInt32(0x7F00_0001 + number / Self.perAddress)
            let isConnected =
                Self.with(source, 0) { bind(descriptor, $0, $1) } == 0
                && Self.with(0x7F00_0001, port) { Foundation.connect(descriptor, $0, $1) } == 0
            guard isConnected else {
                defer { close(descriptor) }
                throw Failure.connect(errno)
            }
            var one: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
            descriptors.append(descriptor)
            received.append([])
            return number
        }
    }

    private static func with(
        _ address: UInt32, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var storage = sockaddr_in()
        storage.sin_family = sa_family_t(AF_INET)
        storage.sin_port = port.bigEndian
        storage.sin_addr.s_addr = address.bigEndian
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Sends without waiting. False if the kernel has not taken all bytes.
    @discardableResult
    func send(_ text: String, from client: Int) -> Bool {
        let bytes = Array(text.utf8)
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        return Foundation.send(descriptors[client], bytes, bytes.count, flags) == bytes.count
    }

    /// Closes a connection, with a FIN or with a reset.
    func leave(_ client: Int, resetting: Bool = false) {
        if resetting {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                descriptors[client], SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
        close(descriptors[client])
        descriptors[client] = -1
    }

    /// Waits until a connection of `connected` has something to read, at most `milliseconds`, and reads it.
    func receive(from connected: [Int], milliseconds: Int32) {
        var entries = connected.map { pollfd(fd: descriptors[$0], events: Int16(POLLIN), revents: 0) }
        guard poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        for (index, entry) in entries.enumerated() where entry.revents != 0 {
            let count = recv(entry.fd, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                received[connected[index]] += chunk.prefix(count)
            } else if count == 0 || errno != EAGAIN {
                ended.insert(connected[index])
            }
        }
    }

    /// Removes and returns one response. Nil if it is not complete.
    func takeResponse(_ client: Int) -> Response? {
        let bytes = received[client]
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
        let lines = head.split(separator: "\r\n")
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
        let bodyEnd = end.upperBound + (length ?? 0)
        guard bytes.count >= bodyEnd, let status = lines.first?.split(separator: " ").dropFirst().first
        else { return nil }
        received[client].removeFirst(bodyEnd)
        return Response(
            status: Int(status) ?? 0, closes: head.lowercased().contains("\r\nconnection: close"),
            body: String(decoding: bytes[end.upperBound..<bodyEnd], as: UTF8.self))
    }

    struct Response {
        let status: Int
        let closes: Bool
        let body: String
    }

    /// One response of each connection. Connections without a response at the deadline, or that ended before,
    /// are left out.
    func responses(of connected: [Int], within limit: Duration = .seconds(20)) -> [Int: Response] {
        let deadline = ContinuousClock.now + limit
        var responses: [Int: Response] = [:]
        var waiting = connected
        while !waiting.isEmpty, .now < deadline {
            receive(from: waiting, milliseconds: 50)
            for client in waiting {
                if let response = takeResponse(client) { responses[client] = response }
            }
            waiting.removeAll { responses[$0] != nil || ended.contains($0) }
        }
        return responses
    }
}

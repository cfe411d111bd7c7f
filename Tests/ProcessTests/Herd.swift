import Foundation

/// Many connections to one server that cost next to nothing: blocking sockets, no task and no loop, and one poll(2) where
/// all are waited for. The sockets come from several addresses of 127.0.0.0/8, because a server limits those of one.
final class Herd {
    enum Failure: Error {
        case connect(Int32)
    }

    /// What a member has received and nobody has taken.
    private var received: [[UInt8]] = []
    private var descriptors: [Int32] = []
    /// Ended by the server.
    private(set) var ended: Set<Int> = []

    private static let perAddress = 1000

    /// Lets this process have as many descriptors as the system allows it; the number of them.
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

    /// The members that are connected.
    var members: [Int] { descriptors.indices.filter { descriptors[$0] >= 0 } }

    /// Connects `count` more members.
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

    /// Sends without waiting for room; false when not all of it was taken.
    @discardableResult
    func send(_ text: String, from member: Int) -> Bool {
        let bytes = Array(text.utf8)
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        return Foundation.send(descriptors[member], bytes, bytes.count, flags) == bytes.count
    }

    /// How a member goes: in order, or with a reset.
    func leave(_ member: Int, resetting: Bool = false) {
        if resetting {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                descriptors[member], SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
        close(descriptors[member])
        descriptors[member] = -1
    }

    /// Waits until any of `members` has something to read, at most so long, and reads it.
    func receive(from members: [Int], milliseconds: Int32) {
        var entries = members.map { pollfd(fd: descriptors[$0], events: Int16(POLLIN), revents: 0) }
        guard poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        for (index, entry) in entries.enumerated() where entry.revents != 0 {
            let count = recv(entry.fd, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                received[members[index]] += chunk.prefix(count)
            } else if count == 0 || errno != EAGAIN {
                ended.insert(members[index])
            }
        }
    }

    /// Takes a whole response; nil while it has not come.
    func takeResponse(_ member: Int) -> Response? {
        let bytes = received[member]
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
        let lines = head.split(separator: "\r\n")
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
        let bodyEnd = end.upperBound + (length ?? 0)
        guard bytes.count >= bodyEnd, let status = lines.first?.split(separator: " ").dropFirst().first
        else { return nil }
        received[member].removeFirst(bodyEnd)
        return Response(
            status: Int(status) ?? 0, closes: head.lowercased().contains("\r\nconnection: close"),
            body: String(decoding: bytes[end.upperBound..<bodyEnd], as: UTF8.self))
    }

    struct Response {
        let status: Int
        let closes: Bool
        let body: String
    }

    /// One response of each of `members`; those that have none when the time is over, or whose connection ended before,
    /// are left out.
    func responses(of members: [Int], within limit: Duration = .seconds(20)) -> [Int: Response] {
        let deadline = ContinuousClock.now + limit
        var responses: [Int: Response] = [:]
        var waiting = members
        while !waiting.isEmpty, .now < deadline {
            receive(from: waiting, milliseconds: 50)
            for member in waiting {
                if let response = takeResponse(member) { responses[member] = response }
            }
            waiting.removeAll { responses[$0] != nil || ended.contains($0) }
        }
        return responses
    }
}

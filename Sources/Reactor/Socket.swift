internal import CLinux

/// A connected stream socket: non-blocking, close-on-exec, TCP_NODELAY. Loop-confined.
///
/// At most one task reads and one writes at a time. `close` closes the descriptor, or the deinitializer.
// SAFETY: loop-confined, checked by `EventLoop.assertCurrent`.
package final class Socket: @unchecked Sendable {
    package let descriptor: Int32
    /// The peer's address, if the kernel knows it.
    package let peer: SocketAddress?
    private let registration: DescriptorRegistration
    private var isOpen = true
    /// The last read emptied the kernel's buffer, so the next one waits before it tries.
    private var isDrained = false

    /// Takes over a connected, non-blocking descriptor. Closes it if the loop refuses it.
    init(descriptor: Int32, peer: SocketAddress?) throws(ReactorError) {
        self.descriptor = descriptor
        self.peer = peer
        registration = DescriptorRegistration(descriptor: descriptor, loop: .current)
        do {
            try registration.open()
        } catch {
            CLinux.close(descriptor)
            throw error
        }
    }

    deinit {
        // The loop keeps its registrations alive, so an open socket that is dropped is closed on the loop.
        guard isOpen else { return }
        let (registration, descriptor) = (registration, descriptor)
        registration.loop.post {
            registration.close()
            CLinux.close(descriptor)
        }
    }

    /// Connects. `deadline` bounds the whole attempt.
    package static func connect(
        to address: SocketAddress, deadline: ContinuousClock.Instant?
    ) async throws -> Socket {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = CLinux.socket(address.family, type, 0)
        guard descriptor >= 0 else { throw ReactorError.system("socket") }
        disableDelay(descriptor, address)
        let status = unsafe address.withKernelForm { unsafe CLinux.connect(descriptor, $0, $1) }
        let error = status == 0 ? 0 : lastErrorNumber()
        guard status == 0 || error == EINPROGRESS else {
            CLinux.close(descriptor)
            throw ReactorError(.system, operation: "connect", errno: error)
        }
        let socket = try Socket(descriptor: descriptor, peer: address)
        if error == EINPROGRESS {
            try await socket.registration.wait(for: .writing, until: deadline)
            let failure = option(descriptor, SOL_SOCKET, SO_ERROR)
            guard failure == 0 else { throw ReactorError(.system, operation: "connect", errno: failure) }
        }
        return socket
    }

    package var mayHaveInput: Bool { !isDrained || registration.isReadSignalled }

    package func readAvailable(into buffer: inout ReadBuffer) throws -> Int? {
        var count: Int?
        _ = try unsafe buffer.fill { bytes throws(ReactorError) in
            count = try unsafe receive(bytes)
            return count ?? 0
        }
        return count
    }

    /// Reads available bytes, for a library that reads by itself.
    ///
    /// - Returns: the count, 0 at the end of the stream, nil if no bytes are available.
    package func receive(_ bytes: UnsafeMutableRawBufferPointer) throws(ReactorError) -> Int? {
        while true {
            guard isOpen else { throw ReactorError(.closed, operation: "read") }
            let count = unsafe recv(descriptor, bytes.baseAddress, bytes.count, 0)
            if count >= 0 {
                isDrained = count < bytes.count && count > 0
                return count
            }
            switch lastErrorNumber() {
            case EINTR: continue
            case EAGAIN:
                isDrained = true
                return nil
            case let error: throw ReactorError(.system, operation: "read", errno: error)
            }
        }
    }

    /// Writes as many bytes as the kernel takes, for a library that writes by itself.
    ///
    /// - Returns: the count, 0 if the kernel's buffer is full.
    package func send(_ bytes: UnsafeRawBufferPointer) throws(ReactorError) -> Int {
        try attempt { unsafe CLinux.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
    }

    package func writeAvailable(_ bytes: ArraySlice<UInt8>) throws -> Int {
        try unsafe bytes.withUnsafeBytes { try unsafe send($0) }
    }

    package func writeAvailable(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) throws -> Int {
        try attempt { gather(first, second) }
    }

    private func gather(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) -> Int {
        unsafe first.withUnsafeBytes { first in
            unsafe second.withUnsafeBytes { second in
                let vectors: InlineArray<2, iovec> = unsafe [
                    iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count),
                    iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count
                    ),
                ]
                return unsafe withUnsafePointer(to: vectors) { vectors in
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = UnsafeMutableRawPointer(mutating: vectors)
                        .assumingMemoryBound(to: iovec.self)
                    unsafe message.msg_iovlen = 2
                    return unsafe sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
                }
            }
        }
    }

    /// - Returns: the result of the write call, 0 if the kernel's buffer is full.
    private func attempt(_ call: () -> Int) throws(ReactorError) -> Int {
        while true {
            guard isOpen else { throw ReactorError(.closed, operation: "write") }
            let count = call()
            if count >= 0 { return count }
            switch lastErrorNumber() {
            case EINTR: continue
            case EAGAIN: return 0
            case let error: throw ReactorError(.system, operation: "write", errno: error)
            }
        }
    }

    package func waitReadable(deadline: ContinuousClock.Instant?) async throws {
        try await registration.wait(for: .reading, until: deadline)
        isDrained = false
    }

    package func waitWritable(deadline: ContinuousClock.Instant?) async throws {
        try await registration.wait(for: .writing, until: deadline)
    }

    /// Calls `body` once: when the peer is first known to have closed its side, when the connection breaks,
    /// or when the socket is closed.
    package func whenEnded(_ body: @escaping () -> Void) { registration.onEnd = body }

    /// Runs `body`, the only reader. A cancellation of the calling task ends a wait for reading, with one
    /// handler instead of one for each wait.
    ///
    /// - Parameter isCancelledAtEnd: called when the connection ends (see `whenEnded`). True cancels the
    ///   task.
    package func runReader(
        _ body: () async -> Void, isCancelledAtEnd: @escaping () -> Bool
    ) async {
        // SAFETY: the reference is removed below, before its task can end.
        let task = unsafe withUnsafeCurrentTask { unsafe $0 }
        whenEnded { if isCancelledAtEnd() { unsafe task?.cancel() } }
        await registration.coveringReads(body)
        registration.onEnd = nil
    }

    /// Lets the kernel probe a peer that has been silent for some seconds, so that a router on the way keeps
    /// the connection, and a lost peer is noticed.
    package func keepAlive(after seconds: Int) {
        Socket.setOption(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        Socket.setOption(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, Int32(seconds))
        Socket.setOption(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, Int32(seconds))
    }

    /// Whether the peer is known to have closed its side.
    package var isPeerClosed: Bool { registration.isPeerClosed }

    /// Whether there are unread bytes, with or without an event.
    package var hasUnreadInput: Bool {
        guard isOpen else { return false }
        var byte: UInt8 = 0
        return unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) > 0
    }

    /// Ends the sending direction (TCP FIN).
    package func shutdownWrite() {
        if isOpen { CLinux.shutdown(descriptor, Int32(SHUT_WR)) }
    }

    /// Closes. Waiting tasks get `ReactorError.closed`. May be repeated.
    package func close() {
        guard isOpen else { return }
        isOpen = false
        registration.close(closesDescriptor: true)
        CLinux.close(descriptor)
    }

    /// Closes with a reset (TCP RST): unsent bytes are dropped, and the peer sees an error.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    static func disableDelay(_ descriptor: Int32, _ address: SocketAddress?) {
        if case .unix = address { return }
        setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    static func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        _ = unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    static func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, level, name, &value, &length) == 0 else {
            return lastErrorNumber()
        }
        return value
    }
}

internal import CLinux

/// Waits until a descriptor is readable or writable. Edge-triggered, registered once, loop-confined.
///
/// The owner keeps the descriptor: `close` only removes the registration. A wait begins with a poll(2), so
/// that a library that has read only some of the bytes (libpq) is still woken.
// SAFETY: loop-confined, checked by `EventLoop.assertCurrent`.
package final class Readiness: @unchecked Sendable {
    private let registration: DescriptorRegistration

    /// Registers with the current loop.
    package init(descriptor: Int32) throws(ReactorError) {
        registration = DescriptorRegistration(descriptor: descriptor, loop: .current)
        try registration.open()
    }

    /// Returns when a read would not block. Throws `ReactorError.timedOut`, `.closed` or `CancellationError`.
    package func readable(deadline: ContinuousClock.Instant?) async throws {
        if poll(POLLIN) { return }
        try await registration.wait(for: .reading, until: deadline)
    }

    package func writable(deadline: ContinuousClock.Instant?) async throws {
        if poll(POLLOUT) { return }
        try await registration.wait(for: .writing, until: deadline)
    }

    /// Returns when a read or a write would not block.
    package func readableOrWritable(deadline: ContinuousClock.Instant?) async throws {
        if poll(POLLIN | POLLOUT) { return }
        try await registration.wait(for: .either, until: deadline)
    }

    package func close() {
        registration.close()
    }

    private func poll(_ events: Int32) -> Bool {
        var entry = pollfd(fd: registration.descriptor, events: Int16(events), revents: 0)
        return unsafe CLinux.poll(&entry, 1, 0) > 0
    }
}

/// The waits of one descriptor: at most one for reading, one for writing and one for either.
// SAFETY: loop-confined, checked by `EventLoop.assertCurrent`; a cancellation reaches it through
// `EventLoop.post`.
final class DescriptorRegistration: DescriptorHandler, @unchecked Sendable {
    enum Purpose: Int {
        case reading = 0
        case writing = 1
        case either = 2
    }

    @safe private struct Wait {
        /// An edge has arrived while no task waited.
        var isReady = false
        /// Distinguishes this wait from earlier ones, for a late cancellation.
        var ticket: UInt32 = 0
        var deadline: ContinuousClock.Instant?
        private var continuation: UnsafeContinuation<Void, any Error>?

        var isSuspended: Bool { unsafe continuation != nil }

        mutating func begin(
            _ continuation: UnsafeContinuation<Void, any Error>, until deadline: ContinuousClock.Instant?
        ) {
            unsafe self.continuation = continuation
            self.deadline = deadline
        }

        /// Resumes the waiting task. False if there is none.
        @discardableResult
        mutating func end(throwing error: ReactorError.Code? = nil) -> Bool {
            guard let continuation = unsafe continuation else { return false }
            unsafe self.continuation = nil
            if let error {
                unsafe continuation.resume(throwing: ReactorError(error, operation: "wait"))
            } else {
                unsafe continuation.resume()
            }
            return true
        }

        mutating func cancel() {
            guard let continuation = unsafe continuation else { return }
            unsafe self.continuation = nil
            unsafe continuation.resume(throwing: CancellationError())
        }
    }

    let loop: EventLoop
    /// The peer sends no more. Stays set.
    private(set) var isPeerClosed = false
    /// Called once, when the peer is first known to send no more, or when the registration ends.
    var onEnd: (() -> Void)?
    private var waits = InlineArray<3, Wait>(repeating: Wait())
    private var timer: LoopTimer?
    private var isOpen = false
    /// `coveringReads` handles cancellations, so single waits for reading need no handler.
    private var isReadingCovered = false

    init(descriptor: Int32, loop: EventLoop) {
        self.loop = loop
        super.init(descriptor: descriptor)
    }

    func open(
        events: Events = [.readable, .writable, .peerClosed, .edgeTriggered]
    ) throws(ReactorError) {
        try loop.add(self, events: events)
        isOpen = true
    }

    /// Ends the registration. Waiting tasks get `ReactorError.closed`.
    ///
    /// - Parameter closesDescriptor: the caller closes the descriptor next, and it has no copies. Then no
    ///   epoll_ctl is necessary.
    func close(closesDescriptor: Bool = false) {
        guard isOpen else { return }
        isOpen = false
        if closesDescriptor { loop.forget(self) } else { loop.remove(self) }
        timer?.cancel()
        timer = nil
        reportEnd()
        for index in waits.indices { waits[index].end(throwing: .closed) }
    }

    private func reportEnd() {
        let body = onEnd
        onEnd = nil
        body?()
    }

    override func handle(_ events: Events) {
        if !isPeerClosed, !events.isDisjoint(with: [.peerClosed, .hangup, .error]) {
            isPeerClosed = true
            reportEnd()
        }
        let isEnded = !events.isDisjoint(with: .ended)
        let isReadable = isEnded || !events.isDisjoint(with: [.readable, .peerClosed])
        let isWritable = isEnded || events.contains(.writable)
        if isReadable { signal(.reading) }
        if isWritable { signal(.writing) }
        if isReadable || isWritable { signal(.either) }
    }

    /// Whether an edge has arrived since the last read.
    var isReadSignalled: Bool { waits[Purpose.reading.rawValue].isReady || isPeerClosed }

    private func signal(_ purpose: Purpose) {
        let index = purpose.rawValue
        if !waits[index].end() { waits[index].isReady = true }
    }

    func wait(for purpose: Purpose, until deadline: ContinuousClock.Instant?) async throws {
        loop.assertCurrent()
        guard isOpen else { throw ReactorError(.closed, operation: "wait") }
        let index = purpose.rawValue
        if waits[index].isReady {
            waits[index].isReady = false
            return
        }
        precondition(!waits[index].isSuspended, "two tasks wait for one direction of one descriptor")
        waits[index].ticket &+= 1
        if isReadingCovered, purpose == .reading {
            try Task.checkCancellation()
            try await suspend(index, until: deadline)
        } else {
            let ticket = waits[index].ticket
            try await withTaskCancellationHandler {
                try await suspend(index, until: deadline)
            } onCancel: {
                loop.post { self.cancel(index, ticket) }
            }
        }
    }

    // Inlined: each async function that resumes checks its executor.
    @inline(__always)
    private func suspend(_ index: Int, until deadline: ContinuousClock.Instant?) async throws {
        try await unsafe withUnsafeThrowingContinuation { continuation in
            unsafe waits[index].begin(continuation, until: deadline)
            if let deadline { arm(deadline) }
        }
    }

    private func cancel(_ index: Int, _ ticket: UInt32) {
        if waits[index].ticket == ticket { waits[index].cancel() }
    }

    /// Runs `body`. A cancellation of its task ends a wait for reading. This needs one cancellation handler
    /// instead of one for each wait. Only the calling task may read.
    func coveringReads(_ body: () async -> Void) async {
        loop.assertCurrent()
        isReadingCovered = true
        defer { isReadingCovered = false }
        await withTaskCancellationHandler {
            await body()
        } onCancel: {
            loop.post { self.waits[Purpose.reading.rawValue].cancel() }
        }
    }

    /// One timer serves all deadlines of the descriptor. It is left alone while deadlines move later, so a
    /// keep-alive connection that renews its deadline with each request needs no timer operation.
    private func arm(_ deadline: ContinuousClock.Instant) {
        if let timer, timer.isPending, timer.deadline <= deadline { return }
        timer?.cancel()
        timer = loop.schedule(at: deadline) { [weak self] in self?.expire() }
    }

    private func expire() {
        let now = ContinuousClock.now
        var next: ContinuousClock.Instant?
        for index in waits.indices where waits[index].isSuspended {
            guard let deadline = waits[index].deadline else { continue }
            if deadline <= now {
                waits[index].end(throwing: .timedOut)
            } else {
                next = min(next ?? deadline, deadline)
            }
        }
        if let next { arm(next) }
    }
}

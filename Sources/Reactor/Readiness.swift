internal import CLinux

/// Waits until a descriptor can be read or written. Edge-triggered, registered once; loop-confined.
///
/// The descriptor stays its owner's: `close` only ends the registration. Waiting begins with a poll(2), so that a
/// library that read only part of what had come (libpq does) still wakes up.
// SAFETY: loop-confined, checked by `EventLoop.assertCurrent`.
package final class Readiness: @unchecked Sendable {
    private let registration: Registration

    /// Registers with the current loop.
    package init(descriptor: Int32) throws(ReactorError) {
        registration = Registration(descriptor: descriptor, loop: .current)
        try registration.open()
    }

    /// Returns when a read would not block; throws `ReactorError.timedOut`, `.closed` or `CancellationError`.
    package func readable(deadline: ContinuousClock.Instant?) async throws {
        if poll(POLLIN) { return }
        try await registration.wait(for: .reading, until: deadline)
    }

    package func writable(deadline: ContinuousClock.Instant?) async throws {
        if poll(POLLOUT) { return }
        try await registration.wait(for: .writing, until: deadline)
    }

    /// Returns when either would not block: what a library that may want both needs.
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

/// The waits of one descriptor: at most one reader, one writer and one that waits for the peer to go.
// SAFETY: loop-confined, checked by `EventLoop.assertCurrent`.
final class Registration: DescriptorHandler, @unchecked Sendable {
    enum Purpose: Int {
        case reading = 0
        case writing = 1
        case either = 2
        case peerClosing = 3
    }

    private struct Wait {
        /// An edge came while nobody waited for it.
        var isReady = false
        var waiter: Waiter?
        var deadline: ContinuousClock.Instant?
    }

    let loop: EventLoop
    /// The peer will send no more; stays set.
    private(set) var isPeerClosed = false
    private var waits = [Wait](repeating: Wait(), count: 4)
    private var timer: LoopTimer?
    private var isOpen = false

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

    /// Ends the registration; whoever waits gets `ReactorError.closed`.
    func close() {
        guard isOpen else { return }
        isOpen = false
        loop.remove(self)
        timer?.cancel()
        timer = nil
        for index in waits.indices {
            waits[index].waiter?.resume(throwing: ReactorError(.closed, operation: "wait"))
        }
    }

    override func handle(_ events: Events) {
        if !events.isDisjoint(with: [.peerClosed, .hangup, .error]) {
            isPeerClosed = true
            signal(.peerClosing)
        }
        let isEnded = !events.isDisjoint(with: .ended)
        let isReadable = isEnded || !events.isDisjoint(with: [.readable, .peerClosed])
        let isWritable = isEnded || events.contains(.writable)
        if isReadable { signal(.reading) }
        if isWritable { signal(.writing) }
        if isReadable || isWritable { signal(.either) }
    }

    /// Whether an edge is known that no read has answered yet.
    var isReadSignalled: Bool { waits[Purpose.reading.rawValue].isReady || isPeerClosed }

    private func signal(_ purpose: Purpose) {
        if let waiter = waits[purpose.rawValue].waiter {
            waits[purpose.rawValue].waiter = nil
            waiter.resume()
        } else {
            waits[purpose.rawValue].isReady = true
        }
    }

    func wait(for purpose: Purpose, until deadline: ContinuousClock.Instant?) async throws {
        loop.assertCurrent()
        guard isOpen else { throw ReactorError(.closed, operation: "wait") }
        let index = purpose.rawValue
        if waits[index].isReady {
            waits[index].isReady = false
            return
        }
        precondition(waits[index].waiter == nil, "two tasks wait for one direction of one descriptor")
        let waiter = Waiter()
        waits[index].waiter = waiter
        waits[index].deadline = deadline
        if let deadline { arm(deadline) }
        defer {
            if waits[index].waiter === waiter { waits[index].waiter = nil }
        }
        try await waiter.wait(on: loop)
    }

    /// One timer serves all deadlines of the descriptor, and is left alone while deadlines only move on: a keep-alive
    /// connection that renews its deadline with each request costs no timer operation.
    private func arm(_ deadline: ContinuousClock.Instant) {
        if let timer, timer.isPending, timer.deadline <= deadline { return }
        timer?.cancel()
        timer = loop.schedule(at: deadline) { [weak self] in self?.expire() }
    }

    private func expire() {
        let now = ContinuousClock.now
        var next: ContinuousClock.Instant?
        for index in waits.indices {
            guard let waiter = waits[index].waiter, let deadline = waits[index].deadline else { continue }
            if deadline <= now {
                waits[index].waiter = nil
                waiter.resume(throwing: ReactorError(.timedOut, operation: "wait"))
            } else {
                next = min(next ?? deadline, deadline)
            }
        }
        if let next { arm(next) }
    }
}

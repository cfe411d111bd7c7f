internal import CLinux

/// The event bits of epoll.
struct Events: OptionSet {
    let rawValue: UInt32

    static let readable = Events(rawValue: EPOLLIN.rawValue)
    static let writable = Events(rawValue: EPOLLOUT.rawValue)
    static let peerClosed = Events(rawValue: EPOLLRDHUP.rawValue)
    static let hangup = Events(rawValue: EPOLLHUP.rawValue)
    static let error = Events(rawValue: EPOLLERR.rawValue)
    static let edgeTriggered = Events(rawValue: EPOLLET.rawValue)
    /// If several loops wait for one shared listener, the kernel wakes one.
    static let exclusive = Events(rawValue: EPOLLEXCLUSIVE.rawValue)

    /// Errors and hang-ups end every wait. The owner sees the error at its next read or write.
    static let ended: Events = [.hangup, .error]
}

/// Called by a loop when the kernel reports an event of a descriptor. Loop-confined.
class DescriptorHandler {
    let descriptor: Int32
    /// Distinguishes this registration from earlier ones of the same descriptor number.
    var generation: UInt32 = 0

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    func handle(_ events: Events) {}
}

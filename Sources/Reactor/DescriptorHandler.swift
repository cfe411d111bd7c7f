internal import CLinux

/// epoll's event bits.
struct Events: OptionSet {
    let rawValue: UInt32

    static let readable = Events(rawValue: EPOLLIN.rawValue)
    static let writable = Events(rawValue: EPOLLOUT.rawValue)
    static let peerClosed = Events(rawValue: EPOLLRDHUP.rawValue)
    static let hangup = Events(rawValue: EPOLLHUP.rawValue)
    static let error = Events(rawValue: EPOLLERR.rawValue)
    static let edgeTriggered = Events(rawValue: EPOLLET.rawValue)
    /// Of several loops that wait for one shared listener, the kernel wakes one.
    static let exclusive = Events(rawValue: EPOLLEXCLUSIVE.rawValue)

    /// Errors and hang-ups end every wait: the owner finds out by doing its ordinary read or write.
    static let ended: Events = [.hangup, .error]
}

/// What a loop calls when the kernel reports on a descriptor. Loop-confined.
class DescriptorHandler {
    let descriptor: Int32
    /// Tells this registration from an earlier one of the same descriptor number.
    var generation: UInt32 = 0

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    func handle(_ events: Events) {}
}

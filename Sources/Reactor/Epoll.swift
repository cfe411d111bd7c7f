internal import CLinux

/// An epoll instance with a buffer for its events. The caller chooses a key for each descriptor.
@safe struct Epoll: ~Copyable {
    private let descriptor: Int32
    private let buffer: UnsafeMutableBufferPointer<epoll_event>

    /// Returns at most `capacity` events at once. Nil if the process has no descriptor left.
    init?(capacity: Int) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { return nil }
        unsafe buffer = .allocate(capacity: capacity)
        unsafe buffer.initialize(repeating: epoll_event())
    }

    deinit {
        unsafe buffer.deallocate()
        CLinux.close(descriptor)
    }

    func add(_ watched: Int32, key: UInt64, events: Events) throws(ReactorError) {
        guard control(EPOLL_CTL_ADD, watched, key, events) == 0 else { throw .system("epoll_ctl") }
    }

    func change(_ watched: Int32, key: UInt64, events: Events) {
        _ = control(EPOLL_CTL_MOD, watched, key, events)
    }

    func remove(_ watched: Int32) {
        _ = control(EPOLL_CTL_DEL, watched, 0, [])
    }

    private func control(_ operation: Int32, _ watched: Int32, _ key: UInt64, _ events: Events) -> Int32 {
        var event = unsafe epoll_event(events: events.rawValue, data: epoll_data_t(u64: key))
        return unsafe epoll_ctl(descriptor, operation, watched, &event)
    }

    /// Waits for at most `milliseconds` (-1: no limit). Returns the number of events, for `event`.
    func wait(milliseconds: Int32) -> Int {
        // EINTR is the only error of a correct loop. The next round waits again.
        max(0, Int(unsafe epoll_wait(descriptor, buffer.baseAddress, Int32(buffer.count), milliseconds)))
    }

    func event(_ index: Int) -> (key: UInt64, events: Events) {
        let event = unsafe buffer[index]
        return unsafe (event.data.u64, Events(rawValue: event.events))
    }
}

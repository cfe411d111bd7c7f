/// Calls back while a descriptor is readable or writable. Level-triggered, for libraries that are driven by
/// callbacks and may leave bytes unread (libcurl). Loop-confined.
// SAFETY: loop-confined, checked by `EventLoop.assertCurrent`.
package final class Watcher: @unchecked Sendable {
    /// The events to wait for, and the events that occurred.
    package struct Interest: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let readable = Interest(rawValue: 1)
        package static let writable = Interest(rawValue: 2)
        /// Only reported, never waited for: an error or a hang-up.
        package static let error = Interest(rawValue: 4)
    }

    private final class Handler: DescriptorHandler {
        let onEvent: (Interest) -> Void

        init(descriptor: Int32, onEvent: @escaping (Interest) -> Void) {
            self.onEvent = onEvent
            super.init(descriptor: descriptor)
        }

        override func handle(_ events: Events) {
            var interest = Interest()
            if !events.isDisjoint(with: [.readable, .peerClosed, .hangup]) { interest.insert(.readable) }
            if events.contains(.writable) { interest.insert(.writable) }
            if !events.isDisjoint(with: .ended) { interest.insert(.error) }
            onEvent(interest)
        }
    }

    private let loop: EventLoop
    private let handler: Handler
    private var isOpen = true

    /// Registers with the current loop. Nothing is reported before `update`.
    package init(
        descriptor: Int32, onEvent: @escaping (Interest) -> Void
    ) throws(ReactorError) {
        loop = .current
        handler = Handler(descriptor: descriptor, onEvent: onEvent)
        try loop.add(handler, events: [])
    }

    package func update(_ interest: Interest) {
        guard isOpen else { return }
        var events = Events()
        if interest.contains(.readable) { events.formUnion(.readable) }
        if interest.contains(.writable) { events.formUnion(.writable) }
        loop.change(handler, events: events)
    }

    package func close() {
        guard isOpen else { return }
        isOpen = false
        loop.remove(handler)
    }
}

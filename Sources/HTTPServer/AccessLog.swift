internal import HTTPWire
internal import Reactor
internal import Synchronization

/// The access log of one loop. The lines of a round are written together before the loop waits, so that a
/// line needs no system call of its own. Loop-confined.
final class AccessLog: Sendable {
    private enum Limits {
        /// Lines beyond this size are written before the round ends.
        static let batchBytes = 65_536
    }

    private struct State {
        var lines: [UInt8] = []
        var clock = WallClock()
    }

    private let loop: EventLoop
    private let output: @Sendable ([UInt8]) -> Void
    private let state = Mutex(State())

    /// - Parameter output: called with whole lines.
    init(loop: EventLoop, output: @escaping @Sendable ([UInt8]) -> Void) {
        self.loop = loop
        self.output = output
    }

    func add(_ record: AccessRecord) {
        let count = state.withLock { state in
            let isFirst = state.lines.isEmpty
            state.lines.append(text: "time=")
            state.clock.append(to: &state.lines)
            state.lines.append(text: " level=info at=access ")
            record.append(to: &state.lines)
            state.lines.append(0x0A)
            return isFirst ? 0 : state.lines.count
        }
        if count == 0 { loop.runBeforePoll { self.flush() } }
        if count > Limits.batchBytes { flush() }
    }

    private func flush() {
        state.withLock { state in
            guard !state.lines.isEmpty else { return }
            output(state.lines)
            state.lines.removeAll(keepingCapacity: true)
        }
    }
}

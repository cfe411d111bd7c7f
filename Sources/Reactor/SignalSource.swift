internal import CLinux

/// The signals that our processes handle (signal(7), Linux numbers).
package enum Signal: Int32, Sendable {
    case hangup = 1
    case interrupt = 2
    case terminate = 15
    /// Sidekiq's quiet signal: claim no further jobs (SIGTSTP).
    case quiet = 20
}

/// Signals as values. Loop-confined, one for each process.
///
/// Not signalfd: it needs signals blocked in every thread, but libdispatch parks the main thread of an
/// `async` program in a sigsuspend(2) that unblocks all signals.
// SAFETY: loop-confined, checked by `EventLoop.assertCurrent`.
package final class SignalSource: @unchecked Sendable {
    private let descriptor: Int32
    private let readiness: Readiness

    /// Replaces the default action of `signals`. Call it first in `main`: a signal that arrives before the
    /// source exists is kept for it.
    package static func claim(_ signals: [Signal]) {
        if unsafe signalPipe.write < 0 {
            var ends: [Int32] = [-1, -1]
            let status = unsafe pipe2(&ends, O_CLOEXEC | O_NONBLOCK)
            precondition(status == 0, "no descriptors left for signals")
            unsafe signalPipe = (ends[0], ends[1])
        }
        for signal in signals {
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_handler = forwardSignal
            action.sa_flags = SA_RESTART
            _ = unsafe sigaction(signal.rawValue, &action, nil)
        }
    }

    /// Receives the signals of `claim`.
    package init() throws(ReactorError) {
        descriptor = unsafe signalPipe.read
        precondition(descriptor >= 0, "signals are claimed before they are received")
        readiness = try Readiness(descriptor: descriptor)
    }

    /// The next signal.
    package func next() async throws -> Signal {
        while true {
            var number: UInt8 = 0
            if unsafe CLinux.read(descriptor, &number, 1) == 1, let signal = Signal(rawValue: Int32(number)) {
                return signal
            }
            try await readiness.readable(deadline: nil)
        }
    }

    /// Stops receiving. The signals stay claimed.
    package func close() {
        readiness.close()
    }
}

// SAFETY: written by `claim` before the handlers that read it are installed, and never again.
private nonisolated(unsafe) var signalPipe: (read: Int32, write: Int32) = (-1, -1)

/// Runs in a signal handler: uses only write(2) and preserves errno (signal-safety(7)).
private func forwardSignal(_ number: Int32) {
    let saved = unsafe __errno_location().pointee
    var byte = UInt8(truncatingIfNeeded: number)
    // If the pipe is full, the signal is dropped: thousands of signals already wait in it.
    _ = unsafe CLinux.write(signalPipe.write, &byte, 1)
    unsafe __errno_location().pointee = saved
}

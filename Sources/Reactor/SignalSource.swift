internal import CLinux

/// The signals that processes of ours react to (signal(7), Linux's numbers).
package enum Signal: Int32, Sendable {
    case hangup = 1
    case interrupt = 2
    case terminate = 15
    /// Sidekiq's wish to take no further jobs (SIGTSTP).
    case quiet = 20
}

/// Signals as values, in place of handlers. Loop-confined.
// SAFETY: loop-confined, checked by `EventLoop.assertCurrent`.
package final class SignalSource: @unchecked Sendable {
    private let descriptor: Int32
    private let readiness: Readiness

    /// Keeps `signals` from their usual effect in the calling thread and all threads that it starts afterwards. To be
    /// called first thing in `main`; children that are started reset it.
    package static func block(_ signals: [Signal]) {
        var set = maskOf(signals)
        _ = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Receives `signals`, which `block` has named before.
    package init(_ signals: [Signal]) throws(ReactorError) {
        var set = SignalSource.maskOf(signals)
        descriptor = unsafe signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard descriptor >= 0 else { throw .system("signalfd") }
        readiness = try Readiness(descriptor: descriptor)
    }

    /// The next signal.
    package func next() async throws -> Signal {
        while true {
            var information = signalfd_siginfo()
            let size = MemoryLayout<signalfd_siginfo>.size
            if unsafe CLinux.read(descriptor, &information, size) == size,
                let signal = Signal(rawValue: Int32(information.ssi_signo))
            {
                return signal
            }
            try await readiness.readable(deadline: nil)
        }
    }

    package func close() {
        readiness.close()
        CLinux.close(descriptor)
    }

    private static func maskOf(_ signals: [Signal]) -> sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal.rawValue) }
        return set
    }
}

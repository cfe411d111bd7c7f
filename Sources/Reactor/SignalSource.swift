internal import CLinux

/// Signals as values, in place of handlers. Loop-confined.
// SAFETY: loop-confined, checked by `EventLoop.assertCurrent`.
package final class SignalSource: @unchecked Sendable {
    private let descriptor: Int32
    private let readiness: Readiness

    /// Keeps `signals` from their usual effect in the calling thread and all threads that it starts afterwards. To be
    /// called first thing in `main`; children that are started reset it.
    package static func block(_ signals: [Int32]) {
        var set = maskOf(signals)
        _ = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Receives `signals`, which `block` has named before.
    package init(_ signals: [Int32]) throws(ReactorError) {
        var set = SignalSource.maskOf(signals)
        descriptor = unsafe signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard descriptor >= 0 else { throw .system("signalfd") }
        readiness = try Readiness(descriptor: descriptor)
    }

    /// The next signal's number.
    package func next() async throws -> Int32 {
        while true {
            var information = signalfd_siginfo()
            let size = MemoryLayout<signalfd_siginfo>.size
            if unsafe CLinux.read(descriptor, &information, size) == size {
                return Int32(information.ssi_signo)
            }
            try await readiness.readable(deadline: nil)
        }
    }

    package func close() {
        readiness.close()
        CLinux.close(descriptor)
    }

    private static func maskOf(_ signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal) }
        return set
    }
}

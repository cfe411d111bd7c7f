internal import CLinux

private final class ThreadBody {
    let name: String
    let run: () -> Void

    init(name: String, run: @escaping () -> Void) {
        self.name = name
        self.run = run
    }
}

/// Starts a detached thread that runs `body` once.
func startThread(name: String, _ body: @escaping () -> Void) {
    let argument = unsafe Unmanaged.passRetained(ThreadBody(name: name, run: body)).toOpaque()
    var thread = pthread_t()
    let status = unsafe pthread_create(
        &thread, nil,
        { argument in
            let body = unsafe Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue()
            // The kernel keeps 15 bytes of a thread's name.
            unsafe pthread_setname_np(pthread_self(), String(body.name.prefix(15)))
            blockBrokenPipes()
            body.run()
            return nil
        }, argument)
    precondition(status == 0, "the system refuses another thread (error \(status))")
    pthread_detach(thread)
}

/// Libraries write to sockets without MSG_NOSIGNAL (OpenSSL does). In this thread such a write fails with
/// EPIPE instead of ending the process.
private func blockBrokenPipes() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGPIPE)
    _ = unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
}

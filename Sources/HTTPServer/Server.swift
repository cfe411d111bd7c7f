package import Logging
package import Reactor
package import TLS

/// The settings of a server beside its routes.
package struct ServerConfiguration: Sendable {
    /// Sizes, counts and deadlines.
    package var limits = Limits()
    /// Whose forwarding headers are trusted.
    package var trust = ForwardedTrust.nobody
    /// Counts the connections of several servers together. Nil: only the server's own.
    package var admission: Admission?
    /// Maps a handler's error to a problem. Nil: the server answers 500 and logs the error.
    package var problem: @Sendable (any Error) -> Problem? = { _ in nil }
    /// Renders a problem instead of the built-in page and document. The request is nil if none could be
    /// parsed.
    package var problemResponse: (@Sendable (Problem, Request?) -> Response)?
    /// Called at the end of each exchange with the status (499 if the client disconnected) and the duration.
    /// It runs on the loop of the exchange, so it must be short.
    package var observe: (@Sendable (_ status: Int, _ duration: Duration) -> Void)?
    /// The path for the access log. Paths with a secret are shortened here.
    package var loggedPath: @Sendable (String) -> String = { $0 }

    package init() {}
}

/// An HTTP/1.1 server. One value serves any number of listeners, usually one on each loop. Its limits apply
/// to all of them together.
package final class Server: Sendable {
    let router: Router
    let configuration: ServerConfiguration
    let logger: Logger
    /// Writes the access log's lines. Nil: no access log.
    let accessLog: (@Sendable ([UInt8]) -> Void)?
    let admission: Admission
    let identifiers = RequestIdentifiers()

    /// - Parameter accessLog: called with one or more whole lines of the access log (logfmt, UTF-8), on the
    ///   loop of their requests and before it waits.
    package init(
        router: Router, configuration: ServerConfiguration = ServerConfiguration(), logger: Logger,
        accessLog: (@Sendable ([UInt8]) -> Void)? = nil
    ) {
        self.router = router
        self.configuration = configuration
        self.logger = logger
        self.accessLog = accessLog
        admission = configuration.admission ?? Admission(configuration.limits, configuration.trust)
    }

    /// Serves the connections of `listener`, which belongs to the current loop and is closed at the end.
    ///
    /// Returns after the calling task was cancelled and the server has drained. A drain stops accepting,
    /// closes idle connections, finishes requests with `Connection: close`, and cuts the rest at its
    /// deadline.
    ///
    /// - Parameter credentials: returns the TLS context. Called for each connection, so that a reloaded
    ///   certificate applies to the next one. Nil: plain HTTP.
    /// - Throws: `ReactorError` if the listener fails, after requests have finished.
    package func serve(
        on listener: Listener, credentials: (@Sendable () -> TLSContext)? = nil
    ) async throws {
        let service = Service(
            server: self, listener: listener, loop: .current, credentials: credentials)
        // The task may be cancelled before it starts. Then connections in the kernel's queue are served as in
        // any drain.
        if Task.isCancelled { service.drain() }
        await withTaskCancellationHandler {
            await withCancellationShield { await service.run() }
        } onCancel: {
            service.loop.post { service.drain() }
        }
        if let failure = service.failure { throw failure }
    }
}

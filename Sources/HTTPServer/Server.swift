package import Logging
package import Reactor
package import TLS

/// How a server behaves beside its routes.
package struct ServerConfiguration: Sendable {
    /// Sizes, counts and deadlines.
    package var limits = Limits()
    /// Whose word about clients is taken.
    package var trust = ForwardedTrust.nobody
    /// Counts the connections of several servers together; nil: the server's own alone.
    package var admission: Admission?
    /// Turns a handler's error into what the client is told; nil answers 500 and logs the error.
    package var problem: @Sendable (any Error) -> Problem? = { _ in nil }
    /// The page or document for a problem, where the built-in ones do not do. The request is nil when none
    /// could be read.
    package var problemResponse: (@Sendable (Problem, Request?) -> Response)?
    /// Is told of each exchange at its end: the status, 499 where the client left, and how long it took. Runs on the
    /// loop of the exchange, so it is short.
    package var observe: (@Sendable (_ status: Int, _ duration: Duration) -> Void)?

    package init() {}
}

/// An HTTP/1.1 server. One value serves any number of listeners, usually one on each loop; its limits on
/// connections hold for all of them together.
package final class Server: Sendable {
    let router: Router
    let configuration: ServerConfiguration
    let logger: Logger
    /// Takes the access log's lines; nil where there is none.
    let accessLog: (@Sendable ([UInt8]) -> Void)?
    let admission: Admission
    let identifiers = RequestIdentifiers()

    /// - Parameter accessLog: takes one or more whole lines of the access log, logfmt in UTF-8, on the loop of their
    ///   requests and before it waits.
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

    /// Serves the connections of `listener`, which belongs to the current loop and is closed in the end.
    ///
    /// Returns after the calling task was cancelled and the server has drained: no more connections are
    /// accepted, idle ones are closed, requests under way are finished with `Connection: close`, and what is
    /// left at the drain deadline is cut.
    ///
    /// - Parameter credentials: makes the server speak TLS; asked for each connection, so that a reloaded
    ///   certificate counts from the next one on. Nil: plain HTTP.
    /// - Throws: `ReactorError` when the listener fails; requests under way are finished before.
    package func serve(
        on listener: Listener, credentials: (@Sendable () -> TLSContext)? = nil
    ) async throws {
        let service = Service(
            server: self, listener: listener, loop: .current, credentials: credentials)
        // Told to stop before it began: what the kernel holds is served as in any drain.
        if Task.isCancelled { service.drain() }
        await withTaskCancellationHandler {
            await withCancellationShield { await service.run() }
        } onCancel: {
            service.loop.post { service.drain() }
        }
        if let failure = service.failure { throw failure }
    }
}

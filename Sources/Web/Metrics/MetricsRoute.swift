package import Cryptography
import FoundationEssentials
package import HTTPServer
import HTTPWire
package import Jobs
package import Logging
package import Metrics
import Reactor
import Synchronization

/// `GET /metrics`, for Prometheus: operators may see it, and whoever has `METRICS_TOKEN`. One value for each loop, made
/// of that loop's services.
package struct MetricsRoute: Sendable {
    /// The last page of a process, for all of its loops: scrapes that come together share one.
    package final class Cache: Sendable {
        private let page = Mutex<(text: String, until: ContinuousClock.Instant)?>(nil)
        private let lifetime: Duration

        package init(lifetime: Duration = .seconds(2)) {
            self.lifetime = lifetime
        }

        var current: String? {
            page.withLock { page in page.flatMap { $0.until > .now ? $0.text : nil } }
        }

        func keep(_ text: String) {
            page.withLock { $0 = (text, .now + lifetime) }
        }
    }

    /// How long a database may take to answer: scrapers give up after ten seconds by default.
    private static let patience: Duration = .seconds(3)
    /// The same, to say that it is there at all. A statement that is cut off takes some seconds more to be cancelled.
    private static let greeting: Duration = .seconds(1)

    private let access: OperatorAccess
    private let token: Secret?
    private let jobs: JobOperator
    private let board: MetricsBoard
    private let cache: Cache
    private let version: String
    private let report: @Sendable () async -> ProcessReport
    private let logger: Logger

    /// - Parameters:
    ///   - token: opens the page in the place of the operators' credentials.
    ///   - report: what this process says of itself.
    package init(
        access: OperatorAccess, token: Secret?, jobs: JobOperator, board: MetricsBoard, cache: Cache,
        version: String, report: @escaping @Sendable () async -> ProcessReport, logger: Logger
    ) {
        self.access = access
        self.token = token
        self.jobs = jobs
        self.board = board
        self.cache = cache
        self.version = version
        self.report = report
        self.logger = logger
    }

    /// Adds this route to a router.
    package func add(to router: inout Router) {
        router.on(.get, "/metrics", gate: refusal) { _ in
            let text = await page()
            return Response(
                headers: ["Content-Type": Exposition.contentType, "Cache-Control": "no-store"],
                body: .bytes(Array(text.utf8)))
        }
    }

    /// The answer to whoever may not see the page.
    private func refusal(of request: Request) -> Response? {
        switch access.judgeMetrics(request, token: token) {
        case .granted: return nil
        case .closed:
            return .text(
                "Set METRICS_TOKEN, or SIDEKIQ_USERNAME and SIDEKIQ_PASSWORD, to open this page.\n",
                status: .forbidden)
        case .unknown:
            var response = Response.text(
                "A name and password, or a token, are asked for.\n", status: .unauthorized)
            response.headers.add("WWW-Authenticate", #"Basic realm="Multiconnect", charset="UTF-8""#)
            if token != nil { response.headers.add("WWW-Authenticate", #"Bearer realm="Multiconnect""#) }
            return response
        case .tooOften(let wait):
            var response = Response.text("Wrong credentials came too often.\n", status: .tooManyRequests)
            response.headers.add("Retry-After", String(max(1, wait.components.seconds + 1)))
            return response
        }
    }

    private func page() async -> String {
        if let text = cache.current { return text }
        async let queue = answer(of: "postgres") { () -> MetricsPage.Queue? in
            guard await jobs.answers(by: .now + Self.greeting) else { return nil }
            return MetricsPage.Queue(census: try await jobs.census(), workers: try await jobs.workers())
        }
        async let contents = answer(of: "redis") { try await board.read() }
        let text = MetricsPage(
            version: version, queue: await queue, board: await contents, own: await report()
        ).text
        cache.keep(text)
        return text
    }

    /// What a part told; nil when it did not in time, which must not keep the others from being shown.
    private func answer<Value: Sendable>(
        of part: String, _ ask: @escaping @Sendable () async throws -> Value?
    ) async -> Value? {
        do {
            return try await withDeadline(.now + Self.patience, operation: "metrics", ask)
        } catch {
            logger.debug("no metrics of a part", metadata: ["part": "\(part)", "error": "\(error)"])
            return nil
        }
    }
}

package import Cryptography
import FoundationEssentials
package import HTTPServer
import HTTPWire
package import JobAdmin
import Jobs
package import Logging
package import Metrics
package import Pages
import Reactor
package import Replication
import Synchronization

/// `GET /metrics`, for Prometheus, with the operators' credentials or `METRICS_TOKEN`. One value for each
/// loop, which uses that loop's services.
package struct MetricsRoute: Sendable {
    /// The last page, shared by all loops of a process, so that simultaneous scrapes cause one read.
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

    /// How long Postgres or Redis may take to answer: scrapers give up after ten seconds by default.
    private static let answerTimeout: Duration = .seconds(3)
    /// How long Postgres may take to answer a first check. Shorter, because cancelling a statement without an
    /// answer takes some seconds more.
    private static let checkTimeout: Duration = .seconds(1)

    private let access: OperatorAccess
    private let token: Secret?
    private let jobs: JobOperator
    private let tenants: TenantCensus
    private let board: MetricsBoard
    private let cache: Cache
    private let version: String
    private let report: @Sendable () async -> ProcessReport
    private let logger: Logger

    /// - Parameters:
    ///   - token: accepted instead of the operators' credentials.
    ///   - report: the current report of this process.
    package init(
        access: OperatorAccess, token: Secret?, jobs: JobOperator, tenants: TenantCensus,
        board: MetricsBoard, cache: Cache, version: String,
        report: @escaping @Sendable () async -> ProcessReport, logger: Logger
    ) {
        self.access = access
        self.token = token
        self.jobs = jobs
        self.tenants = tenants
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

    /// The answer to a request without valid credentials; nil for a valid one.
    private func refusal(of request: Request) -> Response? {
        switch access.judgeMetrics(request, token: token) {
        case .granted: return nil
        case .closed:
            return .text(
                "This page is closed. "
                    + "To open it, set METRICS_TOKEN, or SIDEKIQ_USERNAME and SIDEKIQ_PASSWORD.\n",
                status: .forbidden)
        case .unknown:
            var response = Response.text(
                "This page needs the operators' name and password, or the token.\n", status: .unauthorized)
            response.headers.add("WWW-Authenticate", #"Basic realm="Multiconnect", charset="UTF-8""#)
            if token != nil { response.headers.add("WWW-Authenticate", #"Bearer realm="Multiconnect""#) }
            return response
        case .tooOften(let wait):
            var response = Response.text(
                "Too many wrong credentials from this address.\n", status: .tooManyRequests)
            response.headers.add("Retry-After", String(max(1, wait.components.seconds + 1)))
            return response
        }
    }

    private func page() async -> String {
        if let text = cache.current { return text }
        async let queue = answer(of: "postgres") { () -> MetricsPage.Queue? in
            guard await jobs.answers(by: .now + Self.checkTimeout) else { return nil }
            return MetricsPage.Queue(census: try await jobs.census(), workers: try await jobs.workers())
        }
        async let figures = answer(of: "postgres") { try await tenants.figures() }
        async let contents = answer(of: "redis") { try await board.read() }
        let text = MetricsPage(
            version: version, queue: await queue, tenants: await figures, board: await contents,
            own: await report()
        ).text
        cache.keep(text)
        return text
    }

    /// The result of `ask`; nil if it fails or takes too long, so that the other parts are still shown.
    private func answer<Value: Sendable>(
        of part: String, _ ask: @escaping @Sendable () async throws -> Value?
    ) async -> Value? {
        do {
            return try await withDeadline(.now + Self.answerTimeout, operation: "metrics", ask)
        } catch {
            logger.debug("could not read metrics", metadata: ["part": "\(part)", "error": "\(error)"])
            return nil
        }
    }
}

internal import FoundationEssentials
internal import HTTPClient
internal import HTTPServer
internal import HTTPWire
package import Logging
package import Reactor
internal import Synchronization
package import TLS

/// A simulated Salesforce on loopback, for development and tests: OAuth, identity, describes, SOQL, Bulk API
/// 2.0 queries, limits and the package's Apex endpoint, for several orgs at one address.
///
/// A call's token determines its org. At Salesforce token and host do. `/simulator/...` is for tests; see
/// `ControlEndpoints.swift`.
package final class Simulator: Sendable {
    let world: Mutex<World>
    let logger: Logger
    /// Wake the tasks that render ahead.
    private let renderEvents = Mutex<[Event]>([])
    /// Wake the tasks that carry out work when it is due.
    private let dueEvents = Mutex<[Event]>([])

    package init(_ configuration: SimulatorConfiguration, logger: Logger = Logger(label: "org-simulator")) {
        world = Mutex(World(configuration))
        self.logger = logger
    }

    /// An org as `GET /simulator/orgs` shows it: number, id of 18 characters, user names (the first user has
    /// all rights), My Domain label.
    package struct OrgSummary: Sendable {
        package let number: Int
        package let id: String
        package let name: String
        package let domain: String
        package let usernames: [String]
    }

    /// The orgs, in the order of their numbers.
    package var orgs: [OrgSummary] {
        world.withLock { world in
            world.orgs.map {
                OrgSummary(
                    number: $0.number, id: $0.id.text18, name: $0.name, domain: $0.domain,
                    usernames: $0.users.map(\.username))
            }
        }
    }

    /// Serves the connections of `listener` until the calling task is cancelled. May be called on several
    /// loops.
    ///
    /// - Parameter credentials: for TLS. Nil: plain HTTP.
    /// - Throws: `ReactorError` if the listener fails.
    package func serve(on listener: Listener, credentials: TLSContext? = nil) async throws {
        world.withLock { $0.rendersAhead = true }
        let event = Event()
        renderEvents.withLock { $0.append(event) }
        let due = Event()
        dueEvents.withLock { $0.append(due) }
        var configuration = ServerConfiguration()
        // Data of Bulk jobs, and composite requests, exceed the server's default.
        configuration.limits.bodyBytes = 128 << 20
        configuration.limits.bufferedBodyBytes = 512 << 20
        // Salesforce takes addresses of 16,384 bytes. Source: Salesforce Developer Limits, "REST API Request
        // Limits".
        configuration.limits.head.requestLineBytes = 16_384
        configuration.limits.head.headBytes = 32_768
        // All orgs' clients come from one address, and each org has an open long poll.
        configuration.limits.connections = 65_536
        configuration.limits.connectionsPerPeer = 65_536
        let server = Server(router: router(), configuration: configuration, logger: logger)
        try await withThrowingTaskGroup { group in
            group.addTask { await self.renderAhead(event) }
            group.addTask { await self.carryOutDue(due) }
            group.addTask { await self.sendOutbound() }
            group.addTask { await self.sendCallouts() }
            try await server.serve(
                on: listener, credentials: credentials.map { context in { @Sendable in context } })
            group.cancelAll()
        }
    }

    private func router() -> Router {
        var router = Router()
        for method in ["GET", "POST", "PATCH", "PUT", "DELETE"] {
            for pattern in ["/", "/**"] {
                router.on(.init(method), pattern) { request in try await self.respond(to: request) }
            }
        }
        return router
    }

    private func respond(to request: Request) async throws -> Response {
        let call = IncomingCall(request, now: Self.now)
        var reply = try await carryOut(call)
        let limits = world.withLock(\.configuration)
        while case .wait(let wait) = reply.body { reply = try await waited(wait, reply) }
        if world.withLock({ !$0.unrendered.isEmpty }) {
            for event in renderEvents.withLock({ $0 }) { event.set() }
        }
        let takesGzip = limits.assumptions.compressesResponses && call.acceptsGzip
        return try await ReplyWriter(reply: reply, cache: world.withLock(\.cache), takesGzip: takesGzip)
            .response()
    }

    /// Carries out a call, after the time that it takes. If the caller goes away, the call is carried out
    /// nevertheless.
    private func carryOut(_ call: IncomingCall) async throws -> Reply {
        let (start, hasDue) = world.withLock { world in (world.begin(call), world.nextDue != nil) }
        if hasDue { wakeDueTasks() }
        switch start {
        case .answered(let reply): return reply
        case .running(let number, let due):
            do {
                try await EventLoop.current.sleep(for: .milliseconds(max(0, due - Self.now)))
            } catch {
                world.withLock { $0.abandon(number) }
                wakeDueTasks()
                throw error
            }
            return world.withLock { $0.finish(number, now: Self.now) }
        }
    }

    /// Sends outbound messages, and those without an acknowledgement again.
    private func sendOutbound() async {
        let http = HTTPClient()
        while !Task.isCancelled {
            let (sent, body) = world.withLock { world in
                let sent = world.outbound.take(now: Self.now)
                return (sent, sent.isEmpty ? "" : world.outboundBody(sent))
            }
            guard let first = sent.first else {
                try? await EventLoop.current.sleep(for: .milliseconds(200))
                continue
            }
            let answer = try? await http.send(
                ClientRequest(
                    method: "POST", url: first.url,
                    headers: [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", "\"\"")],
                    body: Array(body.utf8), deadline: .now + .seconds(10)))
            let isAcknowledged =
                answer?.status == 200
                && String(decoding: answer?.body ?? [], as: UTF8.self).contains("<Ack>true</Ack>")
            world.withLock {
                $0.outbound.note(sent, isAcknowledged: isAcknowledged, now: Self.now)
            }
        }
    }

    /// Sends the callouts of orgs.
    private func sendCallouts() async {
        let http = HTTPClient()
        while !Task.isCancelled {
            guard let callout = world.withLock({ $0.callouts.take() }) else {
                try? await EventLoop.current.sleep(for: .milliseconds(100))
                continue
            }
            let answer = try? await http.send(
                ClientRequest(
                    method: "POST", url: callout.url, headers: callout.headers(seconds: Self.now / 1000),
                    body: callout.body, deadline: .now + .seconds(120)))
            world.withLock { $0.callouts.note(callout, status: answer?.status, body: answer?.body ?? []) }
        }
    }

    private func wakeDueTasks() {
        for event in dueEvents.withLock({ $0 }) { event.set() }
    }

    /// Carries out work without a caller when it is due: late calls, late changes, and Bulk jobs.
    private func carryOutDue(_ event: Event) async {
        while !Task.isCancelled {
            event.reset()
            let next = world.withLock { world in
                world.carryOutDue(now: Self.now)
                return world.nextDue
            }
            let pause = next.map { max(0, $0 - Self.now) }
            let timer = pause.map { pause in
                EventLoop.current.schedule(at: .now + .milliseconds(pause)) { event.set() }
            }
            defer { timer?.cancel() }
            guard (try? await event.wait()) != nil else { return }
        }
    }

    /// Waits for an event of a connect, and tries the connect again.
    private func waited(_ wait: StreamWait, _ reply: Reply) async throws -> Reply {
        let pause = max(0, wait.until - Self.now)
        let timer = EventLoop.current.schedule(at: .now + .milliseconds(pause)) { wait.event.set() }
        defer { timer.cancel() }
        do {
            try await wait.event.wait()
        } catch {
            world.withLock { $0.abandon(wait, now: Self.now) }
            throw error
        }
        var next = world.withLock { $0.resume(wait, now: Self.now) }
        next.delayMilliseconds = reply.delayMilliseconds
        next.dropAfterBytes = reply.dropAfterBytes
        next.truncatesAfterBytes = reply.truncatesAfterBytes
        return next
    }

    /// Milliseconds since 1970.
    private static var now: Int { Int(Date().timeIntervalSince1970 * 1000) }

    /// Renders results of Bulk jobs while callers still poll, until the cache is full.
    private func renderAhead(_ event: Event) async {
        while (try? await event.wait()) != nil {
            event.reset()
            while let result = world.withLock({ $0.unrendered.popLast() }) {
                let cache = world.withLock(\.cache)
                for number in 0..<result.blockCount where !result.has(number) {
                    if cache.isFull || Task.isCancelled { break }
                    _ = try? await BlockingPool.shared.run { cache.block(number, of: result) }
                }
            }
        }
    }
}

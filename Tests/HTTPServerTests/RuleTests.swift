import HTTPWire
import Reactor
import Testing

@testable import HTTPServer

private func head(_ method: HTTPWire.Method = .get, _ text: String = "HTTP/1.1\r\nHost: a") throws
    -> Request
{
    var parser = HeadParser()
    let bytes = Array("\(method) / \(text)\r\n\r\n".utf8)
    guard case .complete(let head, _) = try parser.parse(bytes.span) else { throw UnexpectedEnd() }
    return Request(head: head, query: Form(), peer: nil, clientAddress: "", scheme: .http, id: "r")
}

private let streamed = Response.Body.stream(length: nil) { _ in }

struct ResponsePlanTests {
    @Test func `framing follows method, status, version and body`() throws {
        let modern = try head()
        let old = try head(.get, "HTTP/1.0\r\nConnection: keep-alive")
        let cases: [(Response, Request, ResponseHead.Framing, sends: Bool, persists: Bool)] = [
            (Response(), modern, .length(0), false, true),
            (Response(body: .bytes([1, 2])), modern, .length(2), true, true),
            (Response(body: .bytes([1, 2])), try head(.head), .length(2), false, true),
            (Response(status: .noContent, body: .bytes([1])), modern, .none, false, true),
            (Response(status: .notModified, body: .bytes([1])), modern, .none, false, true),
            (Response(body: streamed), modern, .chunked, true, true),
            (Response(body: streamed), old, .untilClose, true, false),
            (Response(body: .stream(length: 3) { _ in }), old, .length(3), true, true),
            (Response(body: streamed), try head(.head), .chunked, false, true),
        ]
        for (response, request, framing, sends, persists) in cases {
            let plan = ResponsePlan(
                response, to: request, isHead: request.method == .head, mayPersist: true)
            #expect(plan.framing == framing)
            #expect(plan.sendsBody == sends)
            #expect(plan.persists == persists)
            #expect(!ResponsePlan(response, to: request, isHead: false, mayPersist: false).persists)
        }
    }

    @Test func `an answer to no request closes`() {
        let plan = ResponsePlan(Response(), to: nil, isHead: false, mayPersist: true)
        #expect(plan.connection == .close)
    }
}

struct ConnectionPhaseTests {
    private static let all: [ConnectionPhase] = [.fresh, .greeting, .idle, .busy, .handling]

    @Test
    func
        `a drain closes idle connections at once and silent ones after a grace period, unless bytes of a request may have arrived`()
    {
        for phase in Self.all {
            #expect(phase.endsAtDrain(mayBeAsking: false) == (phase == .idle))
            #expect(phase.endsAfterGrace(mayBeAsking: false) == (phase == .fresh))
            #expect(!phase.endsAtDrain(mayBeAsking: true) && !phase.endsAfterGrace(mayBeAsking: true))
        }
    }

    @Test func `only a handler is cancelled when its client leaves`() {
        #expect(Self.all.filter(\.isCancelledWhenClientLeaves) == [.handling])
    }

    @Test func `the allowed silence of a connection depends on its requests and on the drain`() {
        let limits = Limits()
        func quiet(_ served: Int, underway: Bool = false, draining: Bool, asking: Bool = false) -> Duration? {
            ConnectionPhase.quiet(
                served: served, isUnderway: underway, isDraining: draining, mayBeAsking: asking, limits)
        }
        #expect(quiet(0, draining: false) == limits.headTimeout)
        #expect(quiet(0, draining: true) == limits.drainGrace)
        #expect(quiet(1, draining: false) == limits.idleTimeout)
        #expect(quiet(1, draining: true) == nil)
        #expect(quiet(1, underway: true, draining: true) == limits.idleTimeout)
        #expect(quiet(1, draining: true, asking: true) == limits.idleTimeout)
    }
}

struct PersistenceTests {
    @Test(arguments: [
        (1, true, false, true), (3, true, false, false), (1, false, false, false), (1, true, true, false),
    ])
    func `a connection persists below its number of requests, with a read body and without a drain`(
        served: Int, isBodyRead: Bool, isDraining: Bool, persists: Bool
    ) {
        #expect(
            ConnectionPhase.mayPersist(
                served: served, maximum: 3, isBodyRead: isBodyRead, isDraining: isDraining) == persists)
    }

    @Test func `a part of the next request makes a connection busy`() {
        #expect(ConnectionPhase.betweenRequests(hasMore: true) == .busy)
        #expect(ConnectionPhase.betweenRequests(hasMore: false) == .idle)
    }

    @Test func `each received byte moves the deadline of a body`() {
        var limits = Limits()
        limits.bodyTimeout = .seconds(10)
        limits.bodyBytesPerSecond = 1000
        let start = ContinuousClock.now
        let pace = BodyPace(limits, start: start)
        #expect(pace.deadline(0) == start + .seconds(10))
        #expect(pace.deadline(999) == start + .seconds(10))
        #expect(pace.deadline(5000) == start + .seconds(15))
    }
}

struct AccessRecordTests {
    @Test func `values that logfmt would misread are quoted`() {
        let record = AccessRecord(
            method: "GET", path: "/a\"b", query: "code=1&x", status: 200, bytes: 7,
            duration: .microseconds(12_034), client: "::1", requestID: "r",
            fields: [("tenant", "a b\n\\c"), ("empty", "")])
        var line: [UInt8] = []
        record.append(to: &line)
        #expect(
            String(decoding: line, as: UTF8.self)
                == "method=GET path=\"/a\\\"b?code&x\" status=200 bytes=7 ms=12.034 client=::1 request_id=r"
                + " tenant=\"a b \\\\c\" empty=\"\"")
    }
}

struct AdmissionTests {
    @Test func `connections are counted by process and by address until they end`() throws {
        var limits = Limits()
        limits.connections = 3
        limits.connectionsPerPeer = 2
        let admission = Admission(limits, .nobody)
        let first = SocketAddress(ip: "192.0.2.1", port: 1)
        let second = SocketAddress(ip: "192.0.2.2", port: 1)
        #expect(admission.enter(first))
        #expect(admission.enter(SocketAddress(ip: "192.0.2.1", port: 2)))
        #expect(!admission.enter(first))
        #expect(admission.enter(second))
        #expect(!admission.enter(second))
        admission.leave(first)
        #expect(admission.enter(second))
        #expect(!admission.enter(nil))
    }

    @Test
    func `an IPv6 network of 64 bits counts as one peer, IPv4 addresses and loopback each for themselves`() {
        var limits = Limits()
        limits.connectionsPerPeer = 1
        let admission = Admission(limits, .nobody)
        func enter(_ ip: String) -> Bool { admission.enter(SocketAddress(ip: ip, port: 1)) }
        #expect(enter("2001:db8:0:1::1"))
        #expect(!enter("2001:db8:0:1:ffff::2"))
        #expect(enter("2001:db8:0:2::1"))
        #expect(enter("::1"))
        #expect(enter("::ffff:192.0.2.1"))
        #expect(enter("::ffff:192.0.2.2"))
        #expect(!enter("::ffff:192.0.2.2"))
        admission.leave(SocketAddress(ip: "2001:db8:0:1:2:3:4:5", port: 1))
        #expect(enter("2001:db8:0:1::9"))
    }

    @Test func `connections of Unix sockets and of a proxy are counted only by process`() {
        var limits = Limits()
        limits.connections = 3
        limits.connectionsPerPeer = 1
        let peer = SocketAddress(ip: "192.0.2.1", port: 1)
        let proxied = Admission(limits, .proxy)
        #expect((0..<4).map { _ in proxied.enter(peer) } == [true, true, true, false])
        let direct = Admission(limits, .nobody)
        #expect((0..<4).map { _ in direct.enter(.unix(path: "")) } == [true, true, true, false])
    }
}

struct ClientOriginTests {
    @Test(arguments: [
        ("1.2.3.4", "1.2.3.4"), ("evil, 1.2.3.4", "1.2.3.4"), ("a,", "a"), ("", "192.0.2.1"),
        (" , ", "192.0.2.1"),
    ])
    func `only the proxy's own entry counts`(field: String, address: String) {
        let origin = ClientOrigin(
            ["X-Forwarded-For": field], peer: "192.0.2.1", scheme: .http, trust: .proxy)
        #expect(origin.address == address)
    }

    @Test(arguments: ["", "a b", "a\"", "é", String(repeating: "a", count: 129), "a\u{1b}"])
    func `an unusable request id is replaced`(id: String) {
        let origin = ClientOrigin(["X-Request-Id": id], peer: "", scheme: .http, trust: .proxy)
        #expect(origin.requestID == nil)
    }
}

internal import Encoding
internal import Feeds
internal import FoundationEssentials
internal import HTTPServer
internal import HTTPWire
package import Postgres
internal import Reactor
internal import Replication
internal import Synchronization

/// The open streams of a process, so that their number has limits. One value for all loops.
package final class FeedStreams: Sendable {
    private let open = Mutex<[UUID: Int]>([:])

    package init() {}

    /// False if there are too many streams.
    func join(_ receiver: UUID) -> Bool {
        open.withLock { open in
            guard open.values.reduce(0, +) < FeedLimits.streams,
                open[receiver, default: 0] < FeedLimits.streamsPerToken
            else { return false }
            open[receiver, default: 0] += 1
            return true
        }
    }

    func leave(_ receiver: UUID) {
        open.withLock { open in
            let rest = (open[receiver] ?? 1) - 1
            open[receiver] = rest > 0 ? rest : nil
        }
    }
}

/// `GET /feed/events`: events as server-sent events, for programs that have a webhook's token.
package struct FeedRoutes: Sendable {
    let book: WebhookBook
    let reader: FeedReader
    let streams: FeedStreams
    private let control: PostgresPool
    private let events: EventBook

    package init(control: PostgresPool, cells: [String: PostgresPool], streams: FeedStreams) {
        self.control = control
        self.streams = streams
        book = WebhookBook(control: control)
        reader = FeedReader(control: control, cells: cells)
        events = EventBook(control: control, cells: cells)
    }

    func add(to router: inout Router) {
        PublishRoute(feed: self, control: control, events: events).add(to: &router)
        router.on(.get, "/feed/events") { try await stream($0) }
    }

    /// The receiver of the request's bearer token. Throws 401.
    func receiver(_ request: Request) async throws -> (receiver: Webhook, token: String) {
        let header = request.headers["authorization"] ?? ""
        let token = header.lowercased().hasPrefix("bearer ") ? String(header.dropFirst(7)) : ""
        guard let receiver = try await book.receiver(token: token) else {
            throw Problem(
                .unauthorized, "The bearer token is missing or not valid.",
                headers: ["WWW-Authenticate": "Bearer"])
        }
        return (receiver, token)
    }

    private func stream(_ request: Request) async throws -> Response {
        let (receiver, token) = try await receiver(request)
        let cursor: FeedCursor
        if let last = request.headers["last-event-id"] ?? request.query["last_event_id"] {
            guard let known = FeedCursor(last) else {
                throw Problem(.badRequest, "Last-Event-ID is not the id of an event.")
            }
            cursor = known
        } else {
            cursor = try await reader.end()
        }
        let stream = FeedStream(
            receiver: receiver, cursor: cursor, reader: reader, streams: streams,
            isOpen: { [book] in try await book.receiver(token: token) != nil })
        var response = Response(
            headers: [
                "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store",
                // nginx would collect the events.
                "X-Accel-Buffering": "no",
            ],
            body: .stream(length: nil) { try await stream.run($0) })
        response.isEndless = true
        return response
    }
}

/// One stream of events, until the reader leaves, its token ends, its lifetime is over or the process stops.
/// The reader connects again with `Last-Event-ID` and misses nothing.
struct FeedStream: Sendable {
    let receiver: Webhook
    let cursor: FeedCursor
    let reader: FeedReader
    let streams: FeedStreams
    let isOpen: @Sendable () async throws -> Bool

    func run(_ writer: BodyWriter) async throws {
        // The body of a HEAD request is never written, so the stream joins here.
        guard streams.join(receiver.id) else {
            return try await writer.write("event: end\ndata: {\"reason\":\"too many streams\"}\n\n")
        }
        defer { streams.leave(receiver.id) }
        try await writer.write("retry: \(FeedLimits.streamRetryMilliseconds)\nid: \(cursor.text)\n\n")
        let end = ContinuousClock.now + FeedLimits.streamLifetime
        var cursor = cursor
        var (lastSent, lastCheck) = (ContinuousClock.now, ContinuousClock.now)
        while !writer.isDraining, .now < end {
            if .now >= lastCheck + FeedLimits.tokenCheck {
                lastCheck = .now
                // A database that does not answer says nothing about the token.
                if let isOpen = try? await isOpen(), !isOpen {
                    return try await writer.write("event: end\ndata: {\"reason\":\"token\"}\n\n")
                }
            }
            let batch = await reader.read(
                after: cursor, receiver.filter, limit: FeedLimits.eventsPerRead)
            for gap in batch.gaps {
                try await writer.write("event: feed.gap\ndata: {\"source\":\(JSONText.quoted(gap))}\n\n")
            }
            for event in batch.events {
                cursor.positions[event.source] = event.position
                try await writer.write(Self.text(event, cursor))
                lastSent = .now
            }
            cursor = batch.cursor
            if batch.events.count == FeedLimits.eventsPerRead { continue }
            if .now >= lastSent + FeedLimits.streamSilence {
                // The cursor moves on also without events, so that a resume reads little.
                try await writer.write("id: \(cursor.text)\n:\n\n")
                lastSent = .now
            }
            try await EventLoop.current.sleep(for: FeedLimits.step)
        }
    }

    /// The document has no line ends, because JSON escapes them.
    private static func text(_ event: FeedEvent, _ cursor: FeedCursor) -> String {
        "id: \(cursor.text)\nevent: \(event.kind)\ndata: \(event.document.text)\n\n"
    }
}

import HTTPServer
import HTTPWire
import Pages

/// Adds streams of server-sent events beside the pages.
struct LiveRoutes: Sendable {
    let hub: LiveHub
    let sessions: OperatorSessions

    /// Adds the stream of the page with this pattern.
    ///
    /// - Parameter read: reads the parts of the page for the request's path and query.
    func add(
        _ pattern: String, to router: inout Router, _ pages: OperatorPages,
        _ read: @escaping @Sendable (Visit) async throws -> [LivePart]
    ) {
        pages.add(.get, "/live" + pattern, to: &router) { visit in
            // Viewers have fewer links.
            let topic = (visit.isViewer ? "viewer " : "") + visit.request.target
            guard hub.hasRoom(for: topic) else {
                throw Problem(
                    .serviceUnavailable, "Too many pages are updated live.",
                    headers: ["Retry-After": "60"])
            }
            let stream = LiveStream(
                hub: hub, topic: topic,
                isOpen: { [sessions, id = visit.identity.session] in
                    guard let id else { return true }
                    return try await sessions.isOpen(id)
                },
                read: { try await read(visit) })
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
}

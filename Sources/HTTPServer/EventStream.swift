internal import HTTPWire

/// One server-sent event (WHATWG HTML, section 9.2).
package struct ServerSentEvent: Sendable, Equatable {
    /// What happened, as one word; nil is `message`.
    package var name: String?
    /// The data; each of its lines goes out as a line.
    package var data: String
    /// What the browser repeats as Last-Event-ID after a lost connection.
    package var id: String?

    package init(name: String? = nil, data: String, id: String? = nil) {
        self.name = name
        self.data = data
        self.id = id
    }

    /// The event on the wire. Line ends in name and id are dropped: they would begin another field.
    var encoded: String {
        var text = ""
        if let name { text += "event: \(Self.oneLine(name))\n" }
        if let id { text += "id: \(Self.oneLine(id))\n" }
        let lines = data.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }
        for line in lines { text += "data: \(line)\n" }
        return text + "\n"
    }

    private static func oneLine(_ text: String) -> String {
        text.filter { !$0.isNewline && $0 != "\0" }
    }
}

/// Sends server-sent events as they happen. Loop-confined; one task sends at a time.
package struct EventStream: Sendable {
    let writer: BodyWriter

    /// Sends an event; returns when the kernel has taken it.
    ///
    /// - Throws: as `BodyWriter.write`; the client is gone then.
    package func send(_ event: ServerSentEvent) async throws {
        try await writer.write(event.encoded)
    }

    /// Sends a comment, which browsers ignore: it keeps proxies from closing a quiet stream (Heroku's router
    /// does after 55 seconds).
    package func keepAlive() async throws {
        try await writer.write(":\n\n")
    }
}

extension Response {
    /// A stream of events that lasts until `produce` returns or the client leaves, which cancels it.
    package static func events(_ produce: @escaping @Sendable (EventStream) async throws -> Void) -> Response
    {
        Response(
            headers: [
                "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
            ],
            body: .stream(length: nil) { writer in try await produce(EventStream(writer: writer)) })
    }
}

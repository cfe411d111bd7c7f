internal import FoundationEssentials
package import HTTPWire

/// The answer to a request.
package struct Response: Sendable {
    /// What follows the head.
    package enum Body: Sendable {
        /// Nothing.
        case empty
        /// All of it at once.
        case bytes([UInt8])
        /// Written piece by piece while the client reads. With a length it goes out under Content-Length, and
        /// the pieces must add up to it; without, in chunks.
        case stream(length: Int?, @Sendable (BodyWriter) async throws -> Void)
    }

    /// The status.
    package var status: Status
    /// The fields. Framing, Connection and Date are the server's business.
    package var headers: Headers
    /// The body; not sent where the method or the status forbids one.
    package var body: Body
    /// What the access log says beside the usual, `("tenant", id)` say.
    package var logFields: [(name: String, value: String)] = []

    package init(status: Status = .ok, headers: Headers = Headers(), body: Body = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A value as JSON, keys sorted, dates as ISO 8601.
    ///
    /// - Throws: `EncodingError`.
    package static func json<Value: Encodable>(_ value: Value, status: Status = .ok) throws -> Response {
        json(bytes: Array(try encoder().encode(value)), status: status)
    }

    /// JSON that is encoded already.
    package static func json(bytes: [UInt8], status: Status = .ok) -> Response {
        Response(status: status, headers: ["Content-Type": "application/json"], body: .bytes(bytes))
    }

    /// Plain text.
    package static func text(_ text: String, status: Status = .ok) -> Response {
        Response(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"],
            body: .bytes(Array(text.utf8)))
    }

    /// An HTML page.
    package static func html(_ html: String, status: Status = .ok) -> Response {
        Response(
            status: status, headers: ["Content-Type": "text/html; charset=utf-8"],
            body: .bytes(Array(html.utf8)))
    }

    /// Sends the client elsewhere; 303 makes it a GET.
    package static func redirect(to location: String, status: Status = .seeOther) -> Response {
        Response(status: status, headers: ["Location": location])
    }

    static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        return encoder
    }

    /// Adds a Set-Cookie field.
    ///
    /// - Throws: `HTTPWireError` when the cookie cannot be written.
    package mutating func set(_ cookie: Cookie) throws(HTTPWireError) {
        headers.add("Set-Cookie", try cookie.encoded())
    }
}

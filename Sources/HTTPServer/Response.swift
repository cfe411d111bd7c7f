internal import FoundationEssentials
package import HTTPWire

/// A response to a request.
package struct Response: Sendable {
    /// The body of a response.
    package enum Body: Sendable {
        /// No body.
        case empty
        /// The whole body.
        case bytes([UInt8])
        /// Written in pieces while the client reads. With a length it is sent with Content-Length, and the
        /// pieces must add up to it. Without a length it is chunked.
        case stream(length: Int?, @Sendable (BodyWriter) async throws -> Void)
    }

    /// The status.
    package var status: Status
    /// The fields. The server adds framing, Connection and Date.
    package var headers: Headers
    /// The body. It is not sent if the method or the status forbids one.
    package var body: Body
    /// Additional fields of the access log, for example `("tenant", id)`.
    package var logFields: [(name: String, value: String)] = []

    /// Whether the body has no end, so that its duration says nothing about the server. Then
    /// `ServerConfiguration.observe` is not called.
    package var isEndless = false

    package init(status: Status = .ok, headers: Headers = Headers(), body: Body = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A value as JSON with sorted keys. Dates are ISO 8601.
    ///
    /// - Throws: `EncodingError`.
    package static func json<Value: Encodable>(_ value: Value, status: Status = .ok) throws -> Response {
        json(bytes: Array(try encoder().encode(value)), status: status)
    }

    /// Encoded JSON.
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

    /// Redirects the client. 303 makes the next request a GET.
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
    /// - Throws: `HTTPWireError` if the cookie cannot be written.
    package mutating func set(_ cookie: Cookie) throws(HTTPWireError) {
        headers.add("Set-Cookie", try cookie.encoded())
    }
}

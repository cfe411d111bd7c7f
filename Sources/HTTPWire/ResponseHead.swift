/// A response's status and header fields on their way to the wire.
package struct ResponseHead: Sendable {
    /// How the client finds the end of the body.
    package enum Framing: Sendable, Equatable {
        /// Nothing is said and nothing follows: 1xx, 204, 304.
        case none
        /// Content-Length.
        case length(Int)
        /// Transfer-Encoding: chunked.
        case chunked
        /// The body ends with the connection, for HTTP/1.0 clients.
        case untilClose
    }

    /// What is said about the connection.
    package enum Connection: Sendable, Equatable {
        /// Nothing: HTTP/1.1 stays open.
        case implied
        /// `keep-alive`, for HTTP/1.0 clients that asked for it.
        case keepAlive
        /// `close`: this response is the last.
        case close
    }

    /// The status.
    package var status: Status
    /// The fields. Date, Connection, Content-Length and Transfer-Encoding among them are not written: the
    /// three arguments of `encode` say them, and a second opinion would break the framing.
    package var headers: Headers

    package init(status: Status, headers: Headers) {
        self.status = status
        self.headers = headers
    }

    /// Appends the head to `output`.
    ///
    /// - Parameter date: the value of Date, or nil to leave it out.
    /// - Throws: `.unwritableField` for a name that is no token or a value with CR, LF, NUL or another
    /// control
    ///   character; `output` is then as it was before.
    package func encode(
        into output: inout [UInt8], framing: Framing, connection: Connection, date: String?
    ) throws(HTTPWireError) {
        for field in headers.fields {
            guard !field.name.isEmpty, headers.bytes(field.name).allSatisfy(ByteClass.isToken),
                headers.bytes(field.value).allSatisfy(ByteClass.isFieldValue)
            else { throw HTTPWireError(.unwritableField) }
        }
        output.reserveCapacity(output.count + headers.text.count + headers.fields.count * 4 + 160)
        Self.append("HTTP/1.1 ", to: &output)
        Self.append(status.code, to: &output)
        output.append(ByteClass.space)
        Self.append(status.reason, to: &output)
        Self.appendLineEnd(to: &output)
        if let date { Self.append(field: "Date: ", date, to: &output) }
        for field in headers.fields where !isOwnedByEncoder(field) {
            output.append(contentsOf: headers.bytes(field.name))
            output.append(ByteClass.colon)
            output.append(ByteClass.space)
            output.append(contentsOf: headers.bytes(field.value))
            Self.appendLineEnd(to: &output)
        }
        switch framing {
        case .none, .untilClose: break
        case .length(let length):
            Self.append("Content-Length: ", to: &output)
            Self.append(length, to: &output)
            Self.appendLineEnd(to: &output)
        case .chunked: Self.append("Transfer-Encoding: chunked\r\n", to: &output)
        }
        switch connection {
        case .implied: break
        case .keepAlive: Self.append("Connection: keep-alive\r\n", to: &output)
        case .close: Self.append("Connection: close\r\n", to: &output)
        }
        Self.appendLineEnd(to: &output)
    }

    /// The interim response that asks for the body (RFC 9110 section 10.1.1).
    package static let continueBytes: [UInt8] = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    private func isOwnedByEncoder(_ field: Headers.Field) -> Bool {
        switch field.name.count {
        case 4: headers.matches(field, "date")
        case 10: headers.matches(field, "connection") || headers.matches(field, "keep-alive")
        case 14: headers.matches(field, "content-length")
        case 17: headers.matches(field, "transfer-encoding")
        default: false
        }
    }

    private static func append(_ text: String, to output: inout [UInt8]) {
        output.append(contentsOf: text.utf8)
    }

    private static func append(field name: String, _ value: String, to output: inout [UInt8]) {
        append(name, to: &output)
        append(value, to: &output)
        appendLineEnd(to: &output)
    }

    private static func append(_ number: Int, to output: inout [UInt8]) {
        if number >= 10 { append(number / 10, to: &output) }
        output.append(UInt8(truncatingIfNeeded: 0x30 + number % 10))
    }

    private static func appendLineEnd(to output: inout [UInt8]) {
        output.append(ByteClass.carriageReturn)
        output.append(ByteClass.lineFeed)
    }
}

/// The status and the header fields of a response to send.
package struct ResponseHead: Sendable {
    /// How the client finds the end of the body.
    package enum Framing: Sendable, Equatable {
        /// No field and no body: 1xx, 204, 304.
        case none
        /// Content-Length.
        case length(Int)
        /// Transfer-Encoding: chunked.
        case chunked
        /// The body ends with the connection, for HTTP/1.0 clients.
        case untilClose
    }

    /// The value of Connection.
    package enum Connection: Sendable, Equatable {
        /// No field: HTTP/1.1 connections persist.
        case implied
        /// `keep-alive`, for HTTP/1.0 clients that asked for it.
        case keepAlive
        /// `close`: this response is the last.
        case close
    }

    /// The status.
    package var status: Status
    /// The fields. Date, Connection, Content-Length and Transfer-Encoding among them are not written: the
    /// arguments of `encode` decide them, and duplicates would break the framing.
    package var headers: Headers

    package init(status: Status, headers: Headers) {
        self.status = status
        self.headers = headers
    }

    /// Appends the head to `output`.
    ///
    /// - Parameters:
    ///   - date: the value of Date. Nil omits the field.
    ///   - requestID: the value of X-Request-Id, unless the fields have one.
    /// - Throws: `.unwritableField` for a name that is not a token, or for a value with CR, LF, NUL or
    ///   another control character. `output` is then unchanged.
    package func encode(
        into output: inout [UInt8], framing: Framing, connection: Connection, date: String?,
        requestID: String? = nil
    ) throws(HTTPWireError) {
        guard headers.isWritable, requestID?.utf8.span.allAre(ByteClass.isFieldValue) ?? true else {
            throw HTTPWireError(.unwritableField)
        }
        output.reserveCapacity(output.count + headers.text.count + headers.fields.count * 4 + 200)
        output.append(text: "HTTP/1.1 ")
        output.append(decimal: status.code)
        output.append(ByteClass.space)
        output.append(text: status.reason)
        output.appendLineEnd()
        if let date { Self.append("Date: ", date, to: &output) }
        var namesRequest = false
        for field in headers.fields where !isOwnedByEncoder(field) {
            if field.name.count == 12, headers.matches(field, "x-request-id") { namesRequest = true }
            output.append(contentsOf: headers.text[field.lineRange])
            output.appendLineEnd()
        }
        if let requestID, !namesRequest { Self.append("X-Request-Id: ", requestID, to: &output) }
        switch framing {
        case .none, .untilClose: break
        case .length(let length):
            output.append(text: "Content-Length: ")
            output.append(decimal: length)
            output.appendLineEnd()
        case .chunked: output.append(text: "Transfer-Encoding: chunked\r\n")
        }
        switch connection {
        case .implied: break
        case .keepAlive: output.append(text: "Connection: keep-alive\r\n")
        case .close: output.append(text: "Connection: close\r\n")
        }
        output.appendLineEnd()
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

    private static func append(_ name: String, _ value: String, to output: inout [UInt8]) {
        output.append(text: name)
        output.append(text: value)
        output.appendLineEnd()
    }
}

/// Why received bytes were refused, or why a message cannot be written.
///
/// An error while reading a request ends the connection, because the start of the next message is unknown.
package struct HTTPWireError: Error, Sendable, Equatable {
    /// The broken rule. `status` maps it to a response status.
    package enum Code: Sendable, Hashable {
        /// The request line is not `method SP target SP HTTP/digit.digit` (RFC 9112 section 3).
        case requestLine
        /// The request line is longer than the limit.
        case targetTooLong
        /// A major version other than 1.
        case version
        /// A line ends with a bare LF.
        case bareLineFeed
        /// A field line without a colon, with an empty name, or with white space before the colon.
        case fieldName
        /// A control character in a field value.
        case fieldValue
        /// A field line that begins with white space (obs-fold, RFC 9112 section 5.2).
        case foldedField
        /// More bytes or more fields than the limits allow.
        case headTooLarge
        /// Host is missing, repeated, or not a host (RFC 9112 section 3.2).
        case host
        /// Content-Length is repeated, a list, or not a number.
        case contentLength
        /// Content-Length beside Transfer-Encoding, or Transfer-Encoding in HTTP/1.0: request smuggling.
        case ambiguousFraming
        /// Transfer-Encoding does not end with `chunked`, or has it twice.
        case transferEncoding
        /// A transfer coding other than chunked.
        case unknownTransferCoding
        /// An expectation other than 100-continue.
        case expectation
        /// A chunk size, extension or chunk end that breaks RFC 9112 section 7.1.
        case chunk
        /// The body is larger than the limit.
        case bodyTooLarge
        /// A malformed percent escape, or one that does not decode to UTF-8.
        case percentEscape
        /// A form or query with more fields than the limit.
        case tooManyFields
        /// A name or value that must not be written: control characters, or not a token.
        case unwritableField
    }

    /// The broken rule.
    package let code: Code

    package init(_ code: Code) {
        self.code = code
    }

    /// The status of a server's response.
    package var status: Status {
        switch code {
        case .targetTooLong: .uriTooLong
        case .version: .httpVersionNotSupported
        case .headTooLarge: .requestHeaderFieldsTooLarge
        case .unknownTransferCoding: .notImplemented
        case .expectation: .expectationFailed
        case .bodyTooLarge: .contentTooLarge
        case .unwritableField: .internalServerError
        default: .badRequest
        }
    }
}

extension HTTPWireError: CustomStringConvertible {
    /// A sentence for the peer. It does not repeat the peer's bytes.
    package var description: String {
        switch code {
        case .requestLine: "The request line is malformed."
        case .targetTooLong: "The request line is too long."
        case .version: "Only HTTP/1.0 and HTTP/1.1 are supported."
        case .bareLineFeed: "A line must end with CR LF."
        case .fieldName: "A header field's name is malformed."
        case .fieldValue: "A header field's value contains a control character."
        case .foldedField: "Folded header fields are not accepted."
        case .headTooLarge: "The header is too large."
        case .host: "Exactly one valid Host header field is required."
        case .contentLength: "Content-Length is invalid."
        case .ambiguousFraming: "The length of the message is ambiguous."
        case .transferEncoding: "Transfer-Encoding is invalid."
        case .unknownTransferCoding: "The transfer coding is not implemented."
        case .expectation: "The expectation cannot be met."
        case .chunk: "The chunked body is malformed."
        case .bodyTooLarge: "The body is too large."
        case .percentEscape: "A percent escape is malformed."
        case .tooManyFields: "There are too many form fields."
        case .unwritableField: "A response header field contains forbidden characters."
        }
    }
}

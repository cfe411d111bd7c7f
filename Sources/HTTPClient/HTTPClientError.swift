/// Why a request, a stream or a mail failed. HTTP statuses are answers, not errors.
package struct HTTPClientError: Error, Sendable, Equatable {
    /// What a caller may want to tell apart.
    package enum Code: Sendable, Equatable {
        /// The request itself is wrong: its URL, method, header or size.
        case invalidRequest
        /// The host name has no address.
        case resolve
        /// No connection within the connect timeout.
        case connect
        /// The TLS handshake failed, or the certificate is not trusted.
        case tls
        /// The deadline passed, or nothing came or went for the idle timeout.
        case timedOut
        /// The connection broke before the answer was complete.
        case interrupted
        /// The answer's head or body is larger than its limit.
        case tooLarge
        /// A mail server refused user name or password.
        case loginDenied
        /// A mail server refused the sender, a recipient or the message.
        case refused
        /// Anything else; see `curlCode`.
        case other
    }

    package let code: Code
    /// libcurl's CURLcode, 0 when the failure is our own.
    package let curlCode: Int
    /// Whether any byte of the request had left: if not, the other side cannot have acted on it.
    package let requestWasSent: Bool
    /// What a mail server answered, for instance 550; nil for HTTP.
    package let replyCode: Int?
    /// The server that was asked for, `host:port` as in the URL; empty for mail.
    var place = ""
    /// The mail server's reply, number first; nil for HTTP, or without a refusal.
    package let reply: String?
    /// The mail server, without user and password; nil for HTTP.
    package internal(set) var server: String?
    /// libcurl's words: hosts and rules, never what was sent.
    let detail: String

    /// An error of this client; `curlCode` is 0 when it is our own.
    package init(
        _ code: Code, curlCode: Int = 0, requestWasSent: Bool = false, replyCode: Int? = nil,
        reply: String? = nil, server: String? = nil, detail: String = ""
    ) {
        self.code = code
        self.curlCode = curlCode
        self.requestWasSent = requestWasSent
        self.replyCode = replyCode
        self.reply = reply
        self.server = server
        self.detail = detail
    }

    /// Whether the server refused sender, recipient or message for good (RFC 5321, section 4.2.1). A refused login
    /// is not meant: it is about all mails, and ends when somebody corrects the settings.
    package var isPermanentRefusal: Bool {
        guard code == .refused, let replyCode else { return false }
        return (500..<600).contains(replyCode) && !Self.loginReplies.contains(replyCode)
    }

    /// The server wants a login, or another one (RFC 4954, sections 4 and 6).
    private static let loginReplies: Set<Int> = [530, 534, 535, 538]
}

extension HTTPClientError: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String {
        let number = curlCode == 0 ? "" : " (curl \(curlCode))"
        let reason = detail.isEmpty ? "" : ": \(detail)"
        guard let server else {
            return "http client: \(code)\(number)" + (place.isEmpty ? "" : ", \(place)\(reason)")
        }
        // The host is one of our settings, and the operator's to see.
        return "mail server \(server): \(code)" + (reply.map { ": \($0)" } ?? "\(reason)\(number)")
    }

    package var debugDescription: String {
        let numbers = "curl \(curlCode), reply \(replyCode ?? 0)"
        let place = place.isEmpty ? "" : "\(place), "
        return "HTTPClientError(\(code), \(numbers), sent \(requestWasSent), \(place)\(detail))"
    }
}

/// A failed request, stream or mail. An HTTP status is not an error.
package struct HTTPClientError: Error, Sendable, Equatable {
    /// The kind of failure.
    package enum Code: Sendable, Equatable {
        /// The request itself is wrong: its URL, method, header or size.
        case invalidRequest
        /// The host name has no address.
        case resolve
        /// No connection within the connect timeout.
        case connect
        /// The host has only addresses that the request's `AddressRule` refuses.
        case addressRefused
        /// The TLS handshake failed, or the certificate is not trusted.
        case tls
        /// The deadline passed, or no byte was transferred for the idle timeout.
        case timedOut
        /// The connection broke before the response was complete.
        case interrupted
        /// The response's head or body is larger than its limit.
        case tooLarge
        /// A mail server refused user name or password.
        case loginDenied
        /// A mail server refused the sender, a recipient or the message.
        case refused
        /// Anything else; see `curlCode`.
        case other
    }

    package let code: Code
    /// libcurl's CURLcode, 0 for an error of this client.
    package let curlCode: Int
    /// Whether any byte of the request was sent. If not, the server cannot have acted on it.
    package let requestWasSent: Bool
    /// The mail server's reply code, for example 550. Nil for HTTP.
    package let replyCode: Int?
    /// The requested server, `host:port` as in the URL. Empty for mail.
    var place = ""
    /// The mail server's reply, code first. Nil for HTTP, or without a refusal.
    package let reply: String?
    /// The mail server, without user and password. Nil for HTTP.
    package internal(set) var server: String?
    /// libcurl's message: hosts and rules, never sent data.
    let detail: String

    /// An error of this client, with `curlCode` 0.
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

    /// Whether the server refused sender, recipient or message permanently (RFC 5321, section 4.2.1). False
    /// for a refused login: that concerns all mails, and is over when the settings are corrected.
    package var isPermanentRefusal: Bool {
        guard code == .refused, let replyCode else { return false }
        return (500..<600).contains(replyCode) && !Self.loginReplies.contains(replyCode)
    }

    /// Reply codes that require a login or refuse it (RFC 4954, sections 4 and 6).
    private static let loginReplies: Set<Int> = [530, 534, 535, 538]
}

extension HTTPClientError: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String {
        let number = curlCode == 0 ? "" : " (curl \(curlCode))"
        let reason = detail.isEmpty ? "" : ": \(detail)"
        guard let server else {
            return "http client: \(code)\(number)" + (place.isEmpty ? "" : ", \(place)\(reason)")
        }
        // The host is one of our settings, so operators may see it.
        return "mail server \(server): \(code)" + (reply.map { ": \($0)" } ?? "\(reason)\(number)")
    }

    package var debugDescription: String {
        let numbers = "curl \(curlCode), reply \(replyCode ?? 0)"
        let place = place.isEmpty ? "" : "\(place), "
        return "HTTPClientError(\(code), \(numbers), sent \(requestWasSent), \(place)\(detail))"
    }
}

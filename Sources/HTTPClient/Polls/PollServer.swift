/// The server and the target of an `http` or `https` URL.
struct PollServer: Equatable, Sendable {
    let isEncrypted: Bool
    /// A name or an IP address, without brackets.
    let host: String
    let port: UInt16
    /// Host and port as in the URL, for the `Host` header.
    let authority: String

    /// Splits a URL whose characters `ClientRequest.validate` has checked. A URL that another parser could
    /// read differently is refused: with a user name, or with characters outside of ASCII.
    ///
    /// - Returns: the server, and the request's target: path and query.
    /// - Throws: `.invalidRequest`.
    static func parse(_ url: String) throws(HTTPClientError) -> (server: PollServer, target: String) {
        let invalid = HTTPClientError(.invalidRequest, detail: "url")
        guard url.utf8.allSatisfy({ $0 < 128 }), let mark = url.firstRange(of: "://") else { throw invalid }
        let isEncrypted: Bool
        switch url[..<mark.lowerBound].lowercased() {
        case "https": isEncrypted = true
        case "http": isEncrypted = false
        default: throw invalid
        }
        let rest = url[mark.upperBound...]
        let authority = rest.prefix { !"/?#".contains($0) }
        guard let (host, port) = split(authority, port: isEncrypted ? 443 : 80) else { throw invalid }
        let target = rest.dropFirst(authority.count).prefix { $0 != "#" }
        let server = PollServer(
            isEncrypted: isEncrypted, host: host, port: port, authority: String(authority))
        return (server, target.first == "/" ? String(target) : "/" + target)
    }

    private static func split(_ authority: Substring, port usual: UInt16) -> (String, UInt16)? {
        var host = authority
        var port: Substring = ""
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            port = authority[authority.index(after: end)...]
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[colon...]
        }
        guard !host.isEmpty, !host.contains("@"), port.isEmpty || port.first == ":" else { return nil }
        if port.isEmpty { return (String(host), usual) }
        guard port.dropFirst().allSatisfy(\.isNumber), let number = UInt16(port.dropFirst()), number > 0
        else { return nil }
        return (String(host), number)
    }
}

extension ClientRequest {
    /// The request as HTTP/1.1.
    func encoded(for server: PollServer, target: String) -> [UInt8] {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: \(server.authority)\r\n"
        if !headers.contains(where: { $0.name.lowercased() == "user-agent" }) {
            head += "User-Agent: multiconnect\r\n"
        }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if !body.isEmpty || ["POST", "PUT", "PATCH"].contains(method) {
            head += "Content-Length: \(body.count)\r\n"
        }
        return Array((head + "\r\n").utf8) + body
    }
}

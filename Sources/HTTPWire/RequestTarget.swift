/// A request target in one of its four forms (RFC 9112 section 3.2), parsed.
struct RequestTarget {
    let path: String
    let query: String?
    /// The authority of the absolute form and of CONNECT.
    let authority: String?

    /// - Throws: `.requestLine` for a target that has none of the four forms, or not the form of its method.
    init(_ target: String, method: Method) throws(HTTPWireError) {
        if method == .connect {
            guard Authority.hasPort(Array(target.utf8).span) else { throw HTTPWireError(.requestLine) }
            self.init(path: target, query: nil, authority: target)
        } else if target == "*" {
            guard method == .options else { throw HTTPWireError(.requestLine) }
            self.init(path: target, query: nil, authority: nil)
        } else if target.utf8.first == UInt8(ascii: "/") {
            if target.utf8.contains(UInt8(ascii: "?")) {
                self.init(pathAndQuery: target[...], authority: nil)
            } else {
                self.init(path: target, query: nil, authority: nil)
            }
        } else {
            try self.init(absolute: target)
        }
    }

    private init(path: String, query: String?, authority: String?) {
        self.path = path
        self.query = query
        self.authority = authority
    }

    private init(pathAndQuery text: Substring, authority: String?) {
        guard let mark = text.utf8.firstIndex(of: UInt8(ascii: "?")) else {
            self.init(path: String(text), query: nil, authority: authority)
            return
        }
        let query = text[text.utf8.index(after: mark)...]
        self.init(path: String(text[..<mark]), query: String(query), authority: authority)
    }

    /// A server must accept the absolute form, although clients send it only to proxies.
    private init(absolute target: String) throws(HTTPWireError) {
        let lowered = target.prefix(8).lowercased()
        let schemeLength: Int
        if lowered.hasPrefix("http://") {
            schemeLength = 7
        } else if lowered == "https://" {
            schemeLength = 8
        } else {
            throw HTTPWireError(.requestLine)
        }
        let rest = target.dropFirst(schemeLength)
        let end = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = rest[..<end]
        guard !authority.isEmpty, Authority.isValid(Array(authority.utf8).span) else {
            throw HTTPWireError(.requestLine)
        }
        let remainder = rest[end...]
        let pathAndQuery = remainder.utf8.first == UInt8(ascii: "/") ? remainder : "/" + remainder
        self.init(pathAndQuery: pathAndQuery, authority: String(authority))
    }
}

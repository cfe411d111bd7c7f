/// Scheme, host and port of an address, parsed strictly.
///
/// The host may contain only letters, digits, `-`, `_` and `.`; `user@` is refused. An address that another
/// parser could read differently is refused, so that the host that was checked is the host that is called.
package struct Origin: Hashable, Sendable, CustomStringConvertible {
    package let scheme: String
    /// In lower case.
    package let host: String
    /// Nil for the scheme's default port.
    package let port: UInt16?

    /// Reads `https://host[:port]` or `http://host[:port]`; ignores path, query and fragment.
    package init(parsing url: String) throws(SalesforceError) {
        let lowered = url.utf8.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }
        let text = String(decoding: lowered, as: UTF8.self)
        guard let scheme = ["https", "http"].first(where: { text.hasPrefix($0 + "://") }) else {
            throw SalesforceError(.hostNotAllowed, message: "an address must begin with https:// or http://")
        }
        let rest = text.dropFirst(scheme.count + 3)
        let authority = rest.prefix(while: { $0 != "/" && $0 != "?" && $0 != "#" })
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let name = parts.first, Self.isHost(name) else {
            throw SalesforceError(.hostNotAllowed, message: "not a host name")
        }
        var port: UInt16?
        if parts.count == 2 {
            guard let number = UInt16(parts[1]), number > 0, parts[1].allSatisfy(\.isNumber) else {
                throw SalesforceError(.hostNotAllowed, message: "not a port number")
            }
            port = number == (scheme == "https" ? 443 : 80) ? nil : number
        }
        self.scheme = scheme
        self.host = String(name)
        self.port = port
    }

    /// An `https` origin on port 443.
    package init(host: String) throws(SalesforceError) {
        try self.init(parsing: "https://" + host)
        guard self.host == host.lowercased(), port == nil else {
            throw SalesforceError(.hostNotAllowed, message: "not a host name")
        }
    }

    package var description: String { "\(scheme)://\(host)\(port.map { ":\($0)" } ?? "")" }

    /// Whether the host is this machine.
    package var isLoopback: Bool {
        host == "localhost" || host == "127.0.0.1" || host.hasPrefix("127.") && isAddress
    }

    private var isAddress: Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func isHost(_ text: Substring) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 253 else { return false }
        return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63 && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D
                        || byte == 0x5F
                }
        }
    }
}

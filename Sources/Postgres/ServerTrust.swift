import Reactor

/// Whether the identity of a connection's server was verified.
package enum ServerTrust: Sendable, Equatable {
    /// The server is on this machine.
    case local
    /// The server's certificate was verified.
    case verified
    /// The server was not verified: an attacker on the network could impersonate it, and could read
    /// unencrypted traffic.
    case unverified(isEncrypted: Bool)

    /// - Parameters:
    ///   - address: the server's address, empty for a Unix socket.
    ///   - mode: `sslmode`.
    ///   - hasAuthorities: whether `sslrootcert` is set. `require` then verifies the certificate as
    ///     `verify-ca` does (PostgreSQL 15 documentation, 34.19.1).
    init(address: String, isEncrypted: Bool, mode: String, hasAuthorities: Bool) {
        let isLocal = address.isEmpty || SocketAddress(ip: address, port: 0)?.isLoopback == true
        let isVerified =
            mode == "verify-full" || mode == "verify-ca" || mode == "require" && hasAuthorities
        if isLocal {
            self = .local
        } else if isEncrypted, isVerified {
            self = .verified
        } else {
            self = .unverified(isEncrypted: isEncrypted)
        }
    }
}

extension PostgresConnection {
    /// Whether the server's identity was verified.
    package var serverTrust: ServerTrust { link.trust }
}

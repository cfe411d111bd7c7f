internal import Reactor
internal import Synchronization

/// Counts the connections of the process and the bodies that it holds, all loops together, against the limits.
package final class Admission: Sendable {
    private struct Counts {
        var connections = 0
        var peers: [String: Int] = [:]
        var bodyBytes = 0
    }

    private let counts = Mutex(Counts())
    private let limits: Limits
    private let countsPeers: Bool

    /// - Parameter trust: where a proxy is in front, all connections come from it and are not counted by
    /// address.
    package init(_ limits: Limits, _ trust: ForwardedTrust) {
        self.limits = limits
        countsPeers = trust == .nobody
    }

    /// Connections that are open.
    package var connections: Int { counts.withLock { $0.connections } }

    /// Bytes of request bodies that are held.
    package var bodyBytes: Int { counts.withLock { $0.bodyBytes } }

    /// Takes room for `count` bytes of a body; false, and nothing is taken, when there is not so much.
    func hold(bodyBytes count: Int) -> Bool {
        counts.withLock { counts in
            guard counts.bodyBytes + count <= limits.bufferedBodyBytes else { return false }
            counts.bodyBytes += count
            return true
        }
    }

    /// Gives room for bytes of a body back.
    func release(bodyBytes count: Int) {
        counts.withLock { $0.bodyBytes -= count }
    }

    /// Takes a place for `peer`; false when there is none.
    func enter(_ peer: SocketAddress?) -> Bool {
        let key = key(peer)
        return counts.withLock { counts in
            guard counts.connections < limits.connections else { return false }
            if let key {
                guard counts.peers[key, default: 0] < limits.connectionsPerPeer else { return false }
                counts.peers[key, default: 0] += 1
            }
            counts.connections += 1
            return true
        }
    }

    /// Gives the place back.
    func leave(_ peer: SocketAddress?) {
        let key = key(peer)
        counts.withLock { counts in
            counts.connections -= 1
            guard let key, let count = counts.peers[key] else { return }
            counts.peers[key] = count > 1 ? count - 1 : nil
        }
    }

    private func key(_ peer: SocketAddress?) -> String? {
        guard countsPeers, let peer else { return nil }
        switch peer {
        case .unix:
            return nil
        case .ipv6(let bytes, _, _) where bytes.prefix(8).contains(where: { $0 != 0 }):
            // A customer has a /64 or more (RFC 6177): by single addresses there would be no limit. IPv4 in
            // IPv6's form (::ffff:0:0/96) and loopback begin with eight zeros.
            let network = Array(bytes.prefix(8)) + [UInt8](repeating: 0, count: 8)
            return SocketAddress.ipv6(network, port: 0).ipText
        default:
            return peer.ipText
        }
    }
}

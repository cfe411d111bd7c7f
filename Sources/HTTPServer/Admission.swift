internal import Reactor
internal import Synchronization

/// Counts the connections and the body bytes of the process against the limits, over all loops.
package final class Admission: Sendable {
    private struct Counts {
        var connections = 0
        var peers: [String: Int] = [:]
        var bodyBytes = 0
    }

    private let counts = Mutex(Counts())
    private let limits: Limits
    private let countsPeers: Bool

    /// - Parameter trust: behind a proxy all connections have one address, so they are not counted by
    ///   address.
    package init(_ limits: Limits, _ trust: ForwardedTrust) {
        self.limits = limits
        countsPeers = trust == .nobody
    }

    /// Open connections.
    package var connections: Int { counts.withLock { $0.connections } }

    /// Bytes of request bodies in memory.
    package var bodyBytes: Int { counts.withLock { $0.bodyBytes } }

    /// Reserves `count` bytes for a body. Returns false, without a reservation, if the limit is reached.
    func hold(bodyBytes count: Int) -> Bool {
        counts.withLock { counts in
            guard counts.bodyBytes + count <= limits.bufferedBodyBytes else { return false }
            counts.bodyBytes += count
            return true
        }
    }

    /// Releases bytes of a body.
    func release(bodyBytes count: Int) {
        counts.withLock { $0.bodyBytes -= count }
    }

    /// Counts a connection of `peer`. False if a limit is reached.
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

    /// Ends the count of a connection.
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
            // A customer has a /64 or more (RFC 6177), so counting single addresses would not limit.
            // IPv4-mapped addresses (::ffff:0:0/96) and loopback begin with eight zero bytes.
            let network = Array(bytes.prefix(8)) + [UInt8](repeating: 0, count: 8)
            return SocketAddress.ipv6(network, port: 0).ipText
        default:
            return peer.ipText
        }
    }
}

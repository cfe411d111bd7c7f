/// One place where the server may be: libpq's `host`, `hostaddr` and `port` for one attempt.
///
/// libpq tries a list of hosts by itself, but never leaves one that does not answer, because time-outs of
/// non-blocking connections are the caller's business. So the list is taken apart here.
struct ConnectionTarget: Hashable, CustomStringConvertible {
    /// A name, an address or the directory of a Unix socket; nil is libpq's default socket.
    var host: String?
    /// An address that is used as it is.
    var address: String?
    var port: String?

    var description: String {
        let place = [host, address].compactMap(\.self)
        let name = place.count == 2 && place[0] != place[1] ? "\(place[0]) (\(place[1]))" : place.first
        return "\(name ?? "local socket"), port \(port ?? "5432")"
    }

    /// A name is left to resolve: libpq would do so blocking.
    var nameToResolve: String? {
        guard address == nil, let host, !host.hasPrefix("/"), !host.hasPrefix("@") else { return nil }
        return host
    }

    /// - Throws: `.configuration` when the lists do not fit each other.
    static func targets(of options: [String: String]) throws(PostgresError) -> [ConnectionTarget] {
        func list(_ key: String) -> [String] {
            guard let value = options[key], !value.isEmpty else { return [] }
            return value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        let count = max(1, hosts.count, addresses.count)
        guard ports.allSatisfy({ $0.isEmpty || UInt16($0).map { $0 > 0 } ?? false }) else {
            throw PostgresError(.configuration, "a port is no number from 1 to 65535")
        }
        guard hosts.isEmpty || addresses.isEmpty || hosts.count == addresses.count,
            ports.count <= 1 || ports.count == count
        else {
            throw PostgresError(.configuration, "the lists of hosts and ports differ in length")
        }
        return (0..<count).map { index in
            func element(_ list: [String]) -> String? {
                guard !list.isEmpty else { return nil }
                let value = list[list.count == 1 ? 0 : index]
                return value.isEmpty ? nil : value
            }
            return ConnectionTarget(
                host: hosts.isEmpty ? nil : element(hosts), address: element(addresses), port: element(ports))
        }
    }
}

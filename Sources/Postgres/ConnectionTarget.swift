/// One address of the server: libpq's `host`, `hostaddr` and `port` for one attempt.
///
/// libpq tries a list of hosts itself, but waits forever for one that does not answer, because the caller
/// handles timeouts of non-blocking connections. So the list is split here.
struct ConnectionTarget: Hashable, CustomStringConvertible {
    /// A name, an address or the directory of a Unix socket. Nil is libpq's default socket.
    var host: String?
    /// An address that needs no resolution.
    var address: String?
    var port: String?

    var description: String {
        let place = [host, address].compactMap(\.self)
        let name = place.count == 2 && place[0] != place[1] ? "\(place[0]) (\(place[1]))" : place.first
        return "\(name ?? "local socket"), port \(port ?? "5432")"
    }

    /// The name must be resolved first: libpq would block.
    var nameToResolve: String? {
        guard address == nil, let host, !host.hasPrefix("/"), !host.hasPrefix("@") else { return nil }
        return host
    }

    /// - Throws: `.configuration` if the lists have different lengths.
    static func targets(of options: [String: String]) throws(PostgresError) -> [ConnectionTarget] {
        func list(_ key: String) -> [String] {
            guard let value = options[key], !value.isEmpty else { return [] }
            return value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        let count = max(1, hosts.count, addresses.count)
        guard ports.allSatisfy({ $0.isEmpty || UInt16($0).map { $0 > 0 } ?? false }) else {
            throw PostgresError(.configuration, "a port must be a number from 1 to 65535")
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

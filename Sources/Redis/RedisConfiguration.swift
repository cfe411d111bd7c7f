internal import FoundationEssentials
internal import Reactor

/// The address and the credentials of Redis. The password prints as `<redacted>`.
package struct RedisConfiguration: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    enum Address: Sendable, Equatable, CustomStringConvertible {
        case host(String, port: UInt16)
        case unix(path: String)

        var description: String {
            switch self {
            case .host(let host, let port): "\(host):\(port)"
            case .unix(let path): path
            }
        }
    }

    /// How the connection is protected.
    package enum Protection: Sendable, Equatable {
        case none
        /// `rediss://`: TLS with a verified certificate, or with any certificate for `?verify=none` (Heroku's
        /// Redis has a self-signed one).
        case tls(isVerified: Bool)
    }

    let address: Address
    package var protection: Protection
    let user: String?
    let password: String?
    /// The number of the selected database.
    package let database: Int
    /// The name in `CLIENT LIST`.
    package var clientName = "multiconnect"

    /// Reads `redis://[user][:password]@host[:port][/database]`, the same with `rediss://`, or
    /// `unix://[:password@]/path/to/socket[?db=n]`. Throws `.configuration`, which never repeats the URL.
    package init(url text: String) throws(RedisError) {
        guard let url = URLComponents(string: text), let scheme = url.scheme else {
            throw Self.invalid("it must begin with redis://, rediss:// or unix://")
        }
        let options = Dictionary(
            (url.queryItems ?? []).map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { $1 })
        user = url.user.flatMap { $0.isEmpty ? nil : $0 }
        password = url.password.flatMap { $0.isEmpty ? nil : $0 }
        switch scheme {
        case "redis", "rediss":
            guard let host = url.host, !host.isEmpty else { throw Self.invalid("the host is missing") }
            guard let port = UInt16(exactly: url.port ?? 6379), port > 0 else {
                throw Self.invalid("the port must be from 1 to 65535")
            }
            address = .host(host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host, port: port)
            let path = url.path.drop { $0 == "/" }
            guard let database = path.isEmpty ? 0 : Int(path), database >= 0 else {
                throw Self.invalid("the database must be a number")
            }
            self.database = database
            protection = scheme == "rediss" ? .tls(isVerified: options["verify"] != "none") : .none
        case "unix":
            guard !url.path.isEmpty else { throw Self.invalid("the path is missing") }
            address = .unix(path: url.path)
            guard let database = Int(options["db"] ?? "0"), database >= 0 else {
                throw Self.invalid("the database must be a number")
            }
            self.database = database
            protection = .none
        default:
            throw Self.invalid("it must begin with redis://, rediss:// or unix://")
        }
    }

    /// Whether an attacker on the network could impersonate the server: it is on another machine, and no
    /// certificate is verified.
    package var trustsAnyServer: Bool {
        guard case .host(let host, _) = address, host != "localhost" else { return false }
        if SocketAddress(ip: host, port: 0)?.isLoopback == true { return false }
        return protection != .tls(isVerified: true)
    }

    private static func invalid(_ reason: String) -> RedisError {
        RedisError(.configuration, operation: "Redis URL", detail: reason)
    }

    package var description: String {
        switch address {
        case .host(let host, let port):
            "redis at \(host):\(port)/\(database)\(password == nil ? "" : ", password <redacted>")"
        case .unix(let path): "redis at \(path)/\(database)\(password == nil ? "" : ", password <redacted>")"
        }
    }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

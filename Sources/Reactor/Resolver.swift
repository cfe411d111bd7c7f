internal import CLinux

/// Resolves host names with the system's resolver, on the blocking pool.
package enum Resolver {
    /// The addresses of `host`, in the system's order of preference. An IP address needs no look-up.
    package static func resolve(
        host: String, port: UInt16, deadline: ContinuousClock.Instant?
    ) async throws -> [SocketAddress] {
        if let address = SocketAddress(ip: host, port: port) { return [address] }
        return try await BlockingPool.shared.run(deadline: deadline) {
            try lookUp(host: host, port: port)
        }
    }

    private static func lookUp(host: String, port: UInt16) throws(ReactorError) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else {
            throw ReactorError(.unresolved, operation: "resolve \(host)", errno: status)
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe SocketAddress(
                kernelForm: entry.pointee.ai_addr, length: entry.pointee.ai_addrlen)
            {
                addresses.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        return addresses
    }
}

internal import CLinux

/// The address of a socket.
package enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// Four bytes in network order.
    case ipv4([UInt8], port: UInt16)
    /// Sixteen bytes in network order. `scope` is the interface of a link-local address, else 0.
    case ipv6([UInt8], port: UInt16, scope: UInt32 = 0)
    case unix(path: String)

    /// Maximum bytes of a Unix socket's path, without the final zero.
    package static let maximumPathBytes = 107

    /// Parses an IPv4 or IPv6 address (no host names, no brackets). Nil for other text.
    package init?(ip: String, port: UInt16) {
        var bytes = [UInt8](repeating: 0, count: 16)
        if unsafe inet_pton(AF_INET, ip, &bytes) == 1 {
            self = .ipv4(Array(bytes.prefix(4)), port: port)
        } else if unsafe inet_pton(AF_INET6, ip, &bytes) == 1 {
            self = .ipv6(bytes, port: port)
        } else {
            return nil
        }
    }

    /// The address without its port, or the path of a Unix socket.
    package var ipText: String {
        switch self {
        case .ipv4(let bytes, _): bytes.map(String.init).joined(separator: ".")
        case .ipv6(let bytes, _, _): SocketAddress.ipv6Text(bytes)
        case .unix(let path): path
        }
    }

    /// Whether the address is on this machine.
    package var isLoopback: Bool {
        switch self {
        case .ipv4(let bytes, _): bytes.first == 127
        case .ipv6(let bytes, _, _):
            bytes.prefix(15).allSatisfy { $0 == 0 } && bytes.last == 1
                || bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10...12] == [0xFF, 0xFF, 127]
        case .unix: true
        }
    }

    /// 0 for a Unix socket.
    package var port: UInt16 {
        switch self {
        case .ipv4(_, let port), .ipv6(_, let port, _): port
        case .unix: 0
        }
    }

    package var description: String {
        switch self {
        case .ipv4: "\(ipText):\(port)"
        case .ipv6: "[\(ipText)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    private static func ipv6Text(_ bytes: [UInt8]) -> String {
        var text = [UInt8](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        unsafe text.withUnsafeMutableBytes { text in
            _ = unsafe inet_ntop(
                AF_INET6, bytes, text.assumingMemoryBound(to: CChar.self).baseAddress!, socklen_t(text.count))
        }
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }

    var family: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Passes the kernel's form of the address to `body`.
    func withKernelForm<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        var storage = sockaddr_storage()
        let length = unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            unsafe fill(bytes)
        }
        return unsafe withUnsafeBytes(of: &storage) { bytes in
            unsafe body(bytes.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t(length))
        }
    }

    private func fill(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        unsafe bytes.storeBytes(of: sa_family_t(family), as: sa_family_t.self)
        switch self {
        case .ipv4(let address, let port):
            unsafe bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[4..<8]).copyBytes(from: address)
            return MemoryLayout<sockaddr_in>.size
        case .ipv6(let address, let port, let scope):
            unsafe bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[8..<24]).copyBytes(from: address)
            unsafe bytes.storeBytes(of: scope, toByteOffset: 24, as: UInt32.self)
            return MemoryLayout<sockaddr_in6>.size
        case .unix(let path):
            // A longer path is cut, and is then not found.
            let path = Array(path.utf8.prefix(SocketAddress.maximumPathBytes)) + [0]
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[2..<2 + path.count]).copyBytes(from: path)
            return 2 + path.count
        }
    }

    /// From the result of accept(2), getsockname(2) or getaddrinfo(3).
    init?(kernelForm pointer: UnsafePointer<sockaddr>, length: socklen_t) {
        let bytes = unsafe UnsafeRawBufferPointer(start: pointer, count: Int(length))
        guard bytes.count >= 2 else { return nil }
        let port = { unsafe UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)) }
        switch Int32(unsafe pointer.pointee.sa_family) {
        case AF_INET where bytes.count >= 8:
            self = unsafe .ipv4(Array(bytes[4..<8]), port: port())
        case AF_INET6 where bytes.count >= 28:
            // RFC 4291 section 2.5.5.2: a socket for both families shows an IPv4 address in this form.
            if unsafe bytes[8..<20].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]) {
                self = unsafe .ipv4(Array(bytes[20..<24]), port: port())
                return
            }
            let scope = unsafe bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self)
            self = unsafe .ipv6(Array(bytes[8..<24]), port: port(), scope: scope)
        case AF_UNIX:
            self = unsafe .unix(path: String(decoding: bytes[2...].prefix { $0 != 0 }, as: UTF8.self))
        default:
            return nil
        }
    }

    /// Asks the kernel for an address of a socket.
    init?(
        of descriptor: Int32,
        _ ask: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let address = unsafe withUnsafeMutableBytes(of: &storage) { bytes -> SocketAddress? in
            let pointer = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress!
            guard unsafe ask(descriptor, pointer, &length) == 0 else { return nil }
            return unsafe SocketAddress(kernelForm: pointer, length: length)
        }
        guard let address else { return nil }
        self = address
    }
}

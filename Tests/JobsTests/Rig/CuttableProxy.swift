import Foundation
import Glibc
import Synchronization

/// A TCP proxy to Postgres that can be partitioned: connections stay open at both ends, but no bytes pass.
final class CuttableProxy: Sendable {
    private struct State {
        var isCut = false
        var isOver = false
        var descriptors: [Int32] = []
    }

    let port: UInt16
    private let target: UInt16
    private let listener: Int32
    private let state = Mutex(State())

    struct Failure: Error {
        let call: String
        let code = errno
    }

    /// Listens on a loopback port and forwards to another one.
    init(target: UInt16) throws {
        self.target = target
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = Self.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 64) == 0
                    ? getsockname(listener, address, &length) : -1
            }
        }
        guard status == 0 else { throw Failure(call: "listen") }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { self.accept() }
    }

    func cut() { state.withLock { $0.isCut = true } }
    func heal() { state.withLock { $0.isCut = false } }

    /// Closes everything.
    func close() {
        let open = state.withLock { state in
            state.isOver = true
            return state.descriptors
        }
        for descriptor in open + [listener] { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        return address
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = Self.address(target)
            let status = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard status == 0 else {
                Glibc.close(client)
                Glibc.close(server)
                continue
            }
            let isOver = state.withLock { state in
                state.descriptors += [client, server]
                return state.isOver
            }
            guard !isOver else { break }
            Thread.detachNewThread { self.forward(from: client, to: server) }
            Thread.detachNewThread { self.forward(from: server, to: client) }
        }
        Glibc.close(listener)
    }

    /// Copies until either end closes. Bytes that arrive during a partition wait in the kernel.
    private func forward(from source: Int32, to destination: Int32) {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            var entry = pollfd(fd: source, events: Int16(POLLIN), revents: 0)
            poll(&entry, 1, 20)
            let (isCut, isOver) = state.withLock { ($0.isCut, $0.isOver) }
            if isOver { break }
            if isCut {
                usleep(20_000)
                continue
            }
            guard entry.revents != 0 else { continue }
            let count = read(source, &buffer, buffer.count)
            guard count > 0 else { break }
            var sent = 0
            while sent < count {
                let written = buffer.withUnsafeBytes { bytes in
                    send(destination, bytes.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
                }
                guard written > 0 else { break }
                sent += written
            }
            guard sent == count else { break }
        }
        shutdown(source, Int32(SHUT_RDWR))
        shutdown(destination, Int32(SHUT_RDWR))
    }
}

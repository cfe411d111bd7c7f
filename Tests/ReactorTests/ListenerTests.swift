import Foundation
import Testing

@testable import Reactor

struct ListenerTests {
    @Test(arguments: [
        (EAGAIN, Listener.Consequence.wait), (EMFILE, .rest), (ENFILE, .rest), (ENOMEM, .rest),
        (ENOBUFS, .rest), (ECONNABORTED, .goOn), (EINTR, .goOn), (EPROTO, .goOn), (ENETDOWN, .goOn),
        (EBADF, .fail), (EINVAL, .fail), (ENOTSOCK, .fail),
    ])
    func `an error of one connection does not end the listener`(
        error: Int32, consequence: Listener.Consequence
    ) {
        #expect(Listener.consequence(of: error) == consequence)
    }

    @Test func `loops of one process share a port, and other processes are refused`() async throws {
        try await EventLoop(name: "share").run {
            let first = try Listener.everywhere(port: 0, sharing: .first)
            let port = first.address.port
            let further = try Listener.everywhere(port: port, sharing: .further)
            for sharing in [Listener.PortSharing.first, .none] {
                let error = #expect(throws: ReactorError.self) {
                    try Listener.everywhere(port: port, sharing: sharing)
                }
                #expect(error?.isAddressInUse == true)
            }
            let address = try #require(SocketAddress(ip: "127.0.0.1", port: port))
            let client = try await Socket.connect(to: address, deadline: nil)
            further.stop()
            first.stop()
            let taken = [try? await first.accept(), try? await further.accept()]
            further.close()
            first.close()
            // Connections of a draining process do not prevent listening.
            let successor = try Listener.everywhere(port: port, sharing: .first)
            #expect(taken.compactMap(\.self).count == 1)
            successor.close()
            client.close()
        }
    }

    @Test func `a stale socket file is replaced, one with a listener is not`()
        async throws
    {
        let path = NSTemporaryDirectory() + "listener-\(UUID().uuidString.prefix(8)).sock"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await EventLoop(name: "left behind").run {
            let first = try Listener.unix(path: path)
            let error = #expect(throws: ReactorError.self) { try Listener.unix(path: path) }
            #expect(error?.isAddressInUse == true)
            // A process that is killed leaves its file.
            try FileManager.default.moveItem(atPath: path, toPath: path + ".kept")
            first.close()
            try FileManager.default.moveItem(atPath: path + ".kept", toPath: path)
            let successor = try Listener.unix(path: path)
            successor.close()
        }
    }

    @Test func `a Unix listener removes its own file and not its successor's`() async throws {
        let path = NSTemporaryDirectory() + "listener-\(UUID().uuidString.prefix(8)).sock"
        try await EventLoop(name: "inode").run {
            let former = try Listener.unix(path: path)
            // As if a successor had replaced the file.
            try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
            defer { try? FileManager.default.removeItem(atPath: path + ".old") }
            let successor = try Listener.unix(path: path)
            former.close()
            let client = try await Socket.connect(to: .unix(path: path), deadline: .now + .seconds(5))
            _ = try await successor.accept()
            client.close()
            successor.close()
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func `a stopped listener accepts the connections in the kernel's queue and no later ones`()
        async throws
    {
        try await EventLoop(name: "stop").run {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            defer { listener.close() }
            let clients = [
                try await Socket.connect(to: listener.address, deadline: nil),
                try await Socket.connect(to: listener.address, deadline: nil),
            ]
            listener.stop()
            for _ in clients { _ = try await listener.accept() }
            await #expect(throws: ReactorError(.closed, operation: "accept")) {
                _ = try await listener.accept()
            }
        }
    }

    @Test func `stopping a listener wakes its accept`() async throws {
        try await EventLoop(name: "stop").run {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            defer { listener.close() }
            await #expect(throws: ReactorError(.closed, operation: "accept")) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await listener.accept() }
                    group.addTask {
                        await Task.yield()
                        listener.stop()
                    }
                    try await group.waitForAll()
                }
            }
        }
    }
}

struct StandardOutputTests {
    /// In its own process, because standard output belongs to the process. Without a limit of the wait for
    /// the reader, this would never return.
    @Test func `a stalled log reader loses whole lines and does not delay the loop`()
        async
    {
        await #expect(processExitsWith: .success) {
            var ends: [Int32] = [0, 0]
            precondition(pipe(&ends) == 0 && dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO)
            close(ends[1])
            let written = 5000
            for number in 0..<written { Self.log("line \(number) " + String(repeating: "x", count: 100)) }
            let first = Self.readLines(ends[0], while: { !$0.contains("last") }) {
                Self.log("there is room again, last")
            }
            #expect(first.count > 100 && first.count < written)
            #expect(first.prefix(3).map { $0.prefix(6) } == ["line 0", "line 1", "line 2"])
            #expect(first.last == "there is room again, last")
        }
    }

    private static func log(_ line: String) {
        StandardOutput.write(log: Array("\(line)\n".utf8))
    }

    /// Empties the pipe, lets more be written, and reads until `isWanted` returns false.
    private static func readLines(
        _ descriptor: Int32, while isWanted: (String) -> Bool, _ whenEmpty: () -> Void
    ) -> [String] {
        var bytes: [UInt8] = []
        var isEmptied = false
        while isWanted(String(decoding: bytes.suffix(40), as: UTF8.self)) {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&entry, 1, 0) == 0, !isEmptied {
                isEmptied = true
                whenEmpty()
            }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = read(descriptor, &chunk, chunk.count)
            bytes += chunk.prefix(max(0, count))
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

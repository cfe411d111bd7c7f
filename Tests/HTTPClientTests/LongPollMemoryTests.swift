import Foundation
import Reactor
import Support
import Testing

@testable import HTTPClient

/// The memory of open long polls over TLS. The server is another process, so that the figure is the client's
/// alone.
@Suite(.tags(.long))
struct LongPollMemoryTests {
    /// Answers `GET /` with the number of requests that wait, and no other request.
    private static let server = """
        import asyncio, ssl, sys
        waiting = 0
        async def serve(reader, writer):
            global waiting
            try:
                while True:
                    head = await reader.readuntil(b"\\r\\n\\r\\n")
                    if head.startswith(b"GET"):
                        body = str(waiting).encode()
                        answer = b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n"
                        writer.write(answer % len(body) + body)
                        continue
                    length = [l for l in head.lower().split(b"\\r\\n") if l.startswith(b"content-length:")]
                    await reader.readexactly(int(length[0].split(b":")[1]))
                    waiting += 1
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
        async def main():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[1], sys.argv[2])
            server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, backlog=1000)
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()
        asyncio.run(main())
        """

    private static func residentKilobytes() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return Int(line.split(whereSeparator: { !$0.isNumber }).first ?? "") ?? 0
    }

    @Test func `an idle long poll over TLS needs less than 35 kB`() async throws {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.server, certificate.certificate, certificate.key]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        // The child inherits blocked signals, so SIGTERM would not end it.
        defer { kill(process.processIdentifier, SIGKILL) }
        let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let port = try #require(Int(text.filter(\.isNumber)))
        let polls = 1_000
        let kilobytes = try await withLoop {
            _ = DescriptorLimit.raise()
            var limits = HTTPClientLimits()
            limits.certificateFile = certificate.certificate
            let client = HTTPClient(limits: limits)
            let pollClient = PollClient(limits: limits)
            let origin = "https://localhost:\(port)"
            return try await withThrowingTaskGroup(of: Void.self) { group in
                var before = 0
                // The first polls warm the caches of certificates and allocators.
                for count in stride(from: 50, through: polls + 50, by: 50) {
                    for _ in 0..<50 {
                        group.addTask {
                            let line = PollConnection(pollClient)
                            _ = try? await line.send(ClientRequest(url: origin))
                            _ = try? await line.send(
                                ClientRequest(
                                    method: "POST", url: origin + "/cometd/60.0", body: Array("[{}]".utf8),
                                    deadline: .now + .seconds(300)))
                        }
                    }
                    try await eventually("\(count) polls") {
                        let answer = try await client.send(ClientRequest(url: origin))
                        return Int(String(decoding: answer.body, as: UTF8.self)) == count
                    }
                    if count == 50 { before = Self.residentKilobytes() }
                }
                let grown = Self.residentKilobytes() - before
                group.cancelAll()
                return Double(grown) / Double(polls)
            }
        }
        print("figure long_poll.kb \(kilobytes)")
        #expect(kilobytes < 35)
    }
}

import Foundation
import Reactor
import Support
import Testing

@testable import Redis

@Suite(.tags(.store))
struct RedisConnectionTests {
    let loop = EventLoop(name: "redis")

    func shared() throws -> RedisConfiguration {
        let url = try #require(ProcessInfo.processInfo.environment["TEST_REDIS_URL"], "run bin/test")
        return try RedisConfiguration(url: url)
    }

    func withConnection(_ body: @escaping @Sendable (RedisConnection) async throws -> Void) async throws {
        let configuration = try shared()
        try await loop.run {
            let connection = try await RedisConnection.connect(configuration)
            defer { connection.close() }
            try await body(connection)
        }
    }

    @Test func `each kind of reply is decoded`() async throws {
        try await withConnection { redis in
            let key = RedisArgument("test:kinds:\(UUID())")
            #expect(try await redis.send(["PING"]) == .status("PONG"))
            #expect(try await redis.send(["GET", key]) == .null)
            #expect(
                try await redis.send(["RPUSH", key, "a", RedisArgument([0, 255, 13, 10])]) == .integer(2))
            #expect(
                try await redis.send(["LRANGE", key, "0", "-1"])
                    == .array([.string([97]), .string([0, 255, 13, 10])]))
            let error = await #expect(throws: RedisError.self) { try await redis.send(["INCR", key]) }
            #expect(error?.code == .server("WRONGTYPE"))
            #expect(error?.operation == "INCR")
            _ = try await redis.send(["DEL", key])
        }
    }

    @Test func `a pipeline returns its errors in order`() async throws {
        try await withConnection { redis in
            let replies = try await redis.pipeline([["ECHO", "1"], ["NOPE"], ["ECHO", "2"]])
            #expect(replies[0].text == "1")
            #expect(replies[2].text == "2")
            guard case .error(let error) = replies[1] else {
                Issue.record("no error")
                return
            }
            #expect(error.code == .server("ERR"))
        }
    }

    @Test func `a thousand concurrent callers each get their own reply`() async throws {
        try await withConnection { redis in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<1000 {
                    group.addTask {
                        let reply = try await redis.send(["ECHO", RedisArgument(number)])
                        #expect(reply.integer == number)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a cancelled caller does not change the order of the other replies`() async throws {
        try await withConnection { redis in
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await redis.send(["BLPOP", "test:never:\(UUID())", "0.2"]) }
                await Task.yield()
                group.addTask {
                    let reply = try await redis.send(["ECHO", "after"])
                    #expect(reply.text == "after")
                }
                await Task.yield()
                group.cancelAll()
                while let result = await group.nextResult() {
                    if case .failure(let error) = result { #expect(error is CancellationError) }
                }
            }
            let later = try await redis.send(["ECHO", "later"])
            #expect(later.text == "later")
        }
    }

    @Test func `a reply of many megabytes arrives completely`() async throws {
        try await withConnection { redis in
            let key = RedisArgument("test:large:\(UUID())")
            let value = [UInt8](repeating: 120, count: 20 << 20)
            _ = try await redis.send(["SET", key, RedisArgument(value)])
            #expect(try await redis.send(["GET", key]).bytes == value)
            _ = try await redis.send(["DEL", key])
        }
    }

    @Test func `a script is loaded once, and again after the server lost it`() async throws {
        try await withConnection { redis in
            let salt = UUID().uuidString
            let script = RedisScript(
                name: "sum", source: "return tonumber(ARGV[1]) + tonumber(ARGV[2]) -- \(salt)")
            #expect(try await redis.evaluate(script, arguments: ["40", "2"]) == .integer(42))
            _ = try await redis.send(["SCRIPT", "FLUSH"])
            #expect(try await redis.evaluate(script, arguments: ["1", "2"]) == .integer(3))
        }
    }

    @Test func `a script runs as soon as the blocking command before it returns`() async throws {
        try await withConnection { redis in
            let (list, salt) = (RedisArgument("test:wake:\(UUID())"), UUID().uuidString)
            let script = RedisScript(name: "left", source: "return redis.call('LLEN', ARGV[1]) -- \(salt)")
            let other = try await RedisConnection.connect(try shared())
            defer { other.close() }
            // Not yet loaded; loaded; lost by the server.
            for round in 0..<3 {
                if round == 2 { _ = try await redis.send(["SCRIPT", "FLUSH"]) }
                async let left = redis.evaluate(
                    script, after: ["BLPOP", list, "30"], arguments: [list], deadline: .now + .seconds(20))
                _ = try await other.send(["RPUSH", list, "a", "b"])
                #expect(try await left == .integer(1))
                _ = try await other.send(["DEL", list])
            }
            let error = await #expect(throws: RedisError.self) {
                try await redis.evaluate(
                    script, after: ["BLPOP", list], arguments: [list], deadline: .now + .seconds(20))
            }
            #expect(error?.code == .server("ERR"))
        }
    }

    @Test func `a missing reply at the deadline closes the connection`() async throws {
        try await withConnection { redis in
            let error = await #expect(throws: RedisError.self) {
                try await redis.send(
                    ["BLPOP", "test:never:\(UUID())", "30"], deadline: .now + .milliseconds(20))
            }
            #expect(error?.code == .timedOut)
            #expect(!redis.isUsable)
        }
    }

    @Test func `a required password is missing, accepted or refused`() async throws {
        try await loop.run {
            let server = try RedisServer(port: RedisServer.freePort(), password: "s3cret")
            let right = try await server.configuration(password: "s3cret")
            #expect(try await RedisConnection.connect(right).send(["PING"]).text == "PONG")
            let wrong = try await server.configuration(password: "guess")
            let refusal = await #expect(throws: RedisError.self) { try await RedisConnection.connect(wrong) }
            #expect(refusal?.code == .server("WRONGPASS"))
            let none = try await server.configuration()
            let missing = await #expect(throws: RedisError.self) { try await RedisConnection.connect(none) }
            #expect(missing?.code == .server("NOAUTH"))
            #expect(!"\(right)\(String(reflecting: right))".contains("s3cret"))
        }
    }
}

struct RedisClientTests {
    let loop = EventLoop(name: "redis-client")

    @Test func `a client reconnects to a server that was killed and restarted`() async throws {
        try await loop.run {
            let server = try RedisServer(port: RedisServer.freePort())
            let client = RedisClient(configuration: try await server.configuration())
            _ = try await client.send(["SET", "key", "value"])
            let firstRun = try await client.runID()
            server.kill()
            let error = await #expect(throws: RedisError.self) { try await client.send(["GET", "key"]) }
            #expect(error?.code == .connection)
            try server.start()
            var reply: RedisReply?
            while reply == nil {
                reply = try? await client.send(["GET", "key"])
                try await EventLoop.current.sleep(for: .milliseconds(10))
            }
            #expect(reply == .null)
            #expect(try await client.runID() != firstRun)
            client.close()
        }
    }

    @Test func `connecting takes no longer than the caller's deadline`() async throws {
        try await loop.run {
            let server = try RedisServer(port: try RedisServer.freePort())
            let client = RedisClient(configuration: try await server.configuration())
            defer { client.close() }
            server.hang()
            let begin = ContinuousClock.now
            let error = await #expect(throws: RedisError.self) {
                try await client.send(["PING"], deadline: .now + .milliseconds(200))
            }
            #expect(error?.code == .timedOut)
            #expect(ContinuousClock.now - begin < RedisLimits.connect / 2)
        }
    }

    @Test func `tasks that call during an attempt to connect share it`() async throws {
        try await loop.run {
            let server = try RedisServer(port: RedisServer.freePort())
            let client = RedisClient(configuration: try await server.configuration())
            try await withThrowingTaskGroup(of: RedisReply.self) { group in
                for _ in 0..<50 { group.addTask { try await client.send(["CLIENT", "ID"]) } }
                var ids = Set<Int>()
                for try await reply in group { ids.insert(reply.integer ?? -1) }
                #expect(ids.count == 1)
            }
            #expect(try await client.evictionPolicy() == "noeviction")
            client.close()
            let error = await #expect(throws: RedisError.self) { try await client.send(["PING"]) }
            #expect(error?.code == .closed)
        }
    }
}

struct RedisConfigurationTests {
    @Test func `all forms of a URL are read`() throws {
        let plain = try RedisConfiguration(url: "redis://example.com")
        #expect(plain.address == .host("example.com", port: 6379))
        #expect(plain.database == 0 && plain.password == nil && plain.protection == .none)
        let full = try RedisConfiguration(url: "rediss://h:p%40ss@10.0.0.1:7000/3?verify=none")
        #expect(full.address == .host("10.0.0.1", port: 7000))
        #expect(full.user == "h" && full.password == "p@ss" && full.database == 3)
        #expect(full.protection == .tls(isVerified: false))
        #expect(
            try RedisConfiguration(url: "unix:///run/redis.sock?db=2").address
                == .unix(path: "/run/redis.sock"))
        #expect(try RedisConfiguration(url: "rediss://:x@[::1]:1").protection == .tls(isVerified: true))
    }

    @Test(arguments: [
        "", "http://x", "redis://", "redis://h/one", "redis://h:99999", "unix://", "redis://h/-1",
    ])
    func `an invalid Redis URL is refused without repeating it`(url: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        #expect(error?.code == .configuration)
    }
}

struct RedisWireTests {
    @Test func `a command is an array of bulk strings`() {
        var bytes: [UInt8] = []
        RedisWire.append(["SET", "k", RedisArgument([0, 13, 10])], to: &bytes)
        #expect(bytes == Array("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n".utf8) + [0, 13, 10, 13, 10])
    }

    @Test func `replies are complete at every split`() throws {
        let wire = Array("*3\r\n$2\r\nab\r\n:-7\r\n*2\r\n$-1\r\n-ERR no\r\n+OK\r\n".utf8)
        for split in 0...wire.count {
            var reader = ReplyReader()
            var replies: [RedisReply] = []
            for part in [wire[..<split], wire[split...]] {
                try reader.feed(Array(part).span.bytes)
                while let reply = try reader.next() { replies.append(reply) }
            }
            let error = RedisError(.server("ERR"), operation: "command", detail: "ERR no")
            #expect(
                replies == [
                    .array([.string([97, 98]), .integer(-7), .array([.null, .error(error)])]), .status("OK"),
                ])
        }
    }

    @Test func `bytes that are not RESP are an error`() throws {
        var reader = ReplyReader()
        try reader.feed(Array("HTTP/1.1 200 OK\r\n".utf8).span.bytes)
        #expect(throws: RedisError.self) { _ = try reader.next() }
    }
}

struct RedisTrustTests {
    @Test(arguments: [
        ("redis://127.0.0.1", false), ("redis://localhost:6380/1", false), ("rediss://[::1]", false),
        ("unix:///run/redis.sock", false), ("rediss://cache.example", false),
        ("redis://:x@cache.example", true),
        ("redis://192.0.2.1", true), ("rediss://cache.example?verify=none", true),
    ])
    func `a server on another machine is only trusted with a verified certificate`(
        url: String, trustsAny: Bool
    ) throws {
        #expect(try RedisConfiguration(url: url).trustsAnyServer == trustsAny)
    }

    @Test func `rediss accepts only a trusted certificate that names the host`() async throws {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        try await EventLoop(name: "redis over tls").run {
            let server = try RedisServer(port: try RedisServer.freePort(), certificate: certificate)
            defer { server.kill() }
            _ = try await server.configuration()
            func ping(_ url: String) async throws {
                let connection = try await RedisConnection.connect(try RedisConfiguration(url: url))
                defer { connection.close() }
                _ = try await connection.send(["PING"])
            }
            let (named, address) = ("rediss://localhost:\(server.port)", "rediss://127.0.0.1:\(server.port)")
            try await ping(named + "?verify=none")
            let untrusted = await #expect(throws: RedisError.self) { try await ping(named) }
            #expect(
                untrusted?.description.contains("untrusted: self-signed certificate") == true,
                "\(untrusted?.description ?? "")")
            // OpenSSL's own setting (SSL_CTX_set_default_verify_paths(3)).
            setenv("SSL_CERT_FILE", certificate.certificate, 1)
            defer { unsetenv("SSL_CERT_FILE") }
            try await ping(named)
            let other = await #expect(throws: RedisError.self) { try await ping(address) }
            #expect(other?.description.contains("mismatch") == true, "\(other?.description ?? "")")
        }
    }

    @Test func `a failed connection is reported with host, port and reason, never the password`()
        async throws
    {
        try await EventLoop(name: "refused").run {
            for (url, reasons) in [
                ("redis://:s3cret@127.0.0.1:1", ["127.0.0.1:1", "Connection refused"]),
                ("redis://:s3cret@no-such-host.invalid", ["no-such-host.invalid:6379", "resolve"]),
            ] {
                let configuration = try RedisConfiguration(url: url)
                let error = await #expect(throws: RedisError.self) {
                    _ = try await RedisConnection.connect(configuration)
                }
                let text = error?.description ?? ""
                for reason in reasons { #expect(text.contains(reason), "\(text)") }
                #expect(!text.contains("s3cret"))
            }
        }
    }
}

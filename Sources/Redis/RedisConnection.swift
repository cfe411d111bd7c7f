internal import DequeModule
internal import Reactor
internal import TLS

/// A session with Redis, on the loop where it was opened. Loop-confined.
///
/// Several tasks may send at once: their commands are pipelined in the order of the calls. The connection has
/// no task of its own: one of the waiting tasks reads for all. A blocking command delays all later ones, so
/// it needs its own connection.
// SAFETY: loop-confined: it is used only on `EventLoop.current`, and its socket checks that.
package final class RedisConnection: @unchecked Sendable {
    /// A pending reply of a caller.
    private final class Slot {
        var reply: RedisReply?
        var error: RedisError?
        /// Set while another task reads for the caller.
        var waiter: Waiter?

        var isDone: Bool { reply != nil || error != nil }
    }

    private let stream: any ByteStream
    private let loop: EventLoop
    private var reader = ReplyReader()
    private var input = ReadBuffer(capacity: RedisLimits.readBytes)
    private var output: [UInt8] = []
    private var slots = Deque<Slot>()
    private var isWriting = false
    private var isReading = false
    private var failure: RedisError?

    private init(stream: any ByteStream) {
        self.stream = stream
        loop = .current
    }

    /// Opens a session: connects, authenticates, selects the database. Throws `.connection`, `.timedOut`, or
    /// `.server("WRONGPASS")` and the like.
    package static func connect(
        _ configuration: RedisConfiguration, deadline: ContinuousClock.Instant? = nil
    ) async throws -> RedisConnection {
        let deadline = deadline ?? .now + RedisLimits.connect
        let stream = try await open(configuration, deadline: deadline)
        let connection = RedisConnection(stream: stream)
        do {
            if let password = configuration.password {
                let user = configuration.user.map { [RedisArgument($0)] } ?? []
                _ = try await connection.send(["AUTH"] + user + [RedisArgument(password)], deadline: deadline)
            }
            if configuration.database != 0 {
                _ = try await connection.send(
                    ["SELECT", RedisArgument(configuration.database)], deadline: deadline)
            }
            _ = try await connection.send(
                ["CLIENT", "SETNAME", RedisArgument(configuration.clientName)], deadline: deadline)
            return connection
        } catch {
            connection.close()
            throw error
        }
    }

    private static func open(
        _ configuration: RedisConfiguration, deadline: ContinuousClock.Instant
    ) async throws -> any ByteStream {
        do {
            switch configuration.address {
            case .unix(let path):
                return try await Socket.connect(to: .unix(path: path), deadline: deadline)
            case .host(let host, let port):
                let socket = try await connect(host: host, port: port, deadline: deadline)
                guard case .tls(let isVerified) = configuration.protection else { return socket }
                let context = try TLSContext.client(verification: isVerified ? .full : .none)
                return try await TLSStream.connect(
                    over: socket, context: context, serverName: host, deadline: deadline)
            }
        } catch let error as ReactorError {
            throw RedisError(
                error.code == .timedOut ? .timedOut : .connection,
                operation: "connect to \(configuration.address)", detail: "\(error)")
        } catch let error as TLSError {
            throw RedisError(
                .connection, operation: "connect to \(configuration.address)", detail: "\(error)")
        }
    }

    /// Tries the host's addresses in order. Throws the last one's error.
    private static func connect(
        host: String, port: UInt16, deadline: ContinuousClock.Instant
    ) async throws -> Socket {
        var failure: any Error = ReactorError(.unresolved, operation: "resolve \(host)")
        for address in try await Resolver.resolve(host: host, port: port, deadline: deadline) {
            do {
                return try await Socket.connect(to: address, deadline: deadline)
            } catch let error as ReactorError {
                failure = error
            }
        }
        throw failure
    }

    /// False after `close`, after a failure, or if the server has ended the session.
    package var isUsable: Bool { failure == nil && !stream.isPeerClosed }

    /// Ends the session. Waiting callers get `.closed`.
    package func close() {
        fail(RedisError(.closed, operation: "wait"))
    }

    /// Sends one command and returns its reply. Throws an error reply. `deadline` is 10 s from now if nil.
    package func send(
        _ command: [RedisArgument], deadline: ContinuousClock.Instant? = nil
    ) async throws -> RedisReply {
        let replies = try await pipeline([command], deadline: deadline)
        if case .error(let error) = replies[0] {
            throw RedisError(error.code, operation: RedisConnection.name(of: command), detail: error.detail)
        }
        return replies[0]
    }

    /// Sends commands together and returns their replies in order, including error replies.
    package func pipeline(
        _ commands: [[RedisArgument]], deadline: ContinuousClock.Instant? = nil
    ) async throws -> [RedisReply] {
        guard let first = commands.first else { return [] }
        loop.preconditionCurrent()
        if let failure { throw failure }
        guard slots.count + commands.count <= RedisLimits.pendingReplies else {
            throw RedisError(
                .connection, operation: RedisConnection.name(of: first), detail: "too many pending replies")
        }
        let deadline = deadline ?? .now + RedisLimits.answer
        let own = commands.map { command in
            RedisWire.append(command, to: &output)
            return Slot()
        }
        slots.append(contentsOf: own)
        do {
            try await flush(deadline: deadline)
            try await wait(for: own[own.count - 1], deadline: deadline)
        } catch let error as ReactorError {
            let code: RedisError.Code = error.code == .timedOut ? .timedOut : .connection
            let failure = RedisError(code, operation: RedisConnection.name(of: first), detail: "\(error)")
            fail(failure)
            throw failure
        } catch let error as TLSError {
            let failure = RedisError(
                .connection, operation: RedisConnection.name(of: first), detail: "\(error)")
            fail(failure)
            throw failure
        }
        return try own.map { slot throws(RedisError) in
            if let error = slot.error { throw error }
            return slot.reply ?? .null
        }
    }

    private static func name(of command: [RedisArgument]) -> String {
        command.first.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "command"
    }

    /// Writes the commands of all callers. If another task is already writing, that task also sends this
    /// one's commands.
    private func flush(deadline: ContinuousClock.Instant) async throws {
        guard !isWriting else { return }
        isWriting = true
        defer { isWriting = false }
        while !output.isEmpty {
            var bytes: [UInt8] = []
            swap(&bytes, &output)
            do {
                try await stream.write(bytes, deadline: deadline)
            } catch {
                // A part of a command may have been sent: the server would not understand later ones.
                fail(RedisError(.connection, operation: "write", detail: "\(error)"))
                throw error
            }
        }
    }

    private func wait(for slot: Slot, deadline: ContinuousClock.Instant) async throws {
        while !slot.isDone {
            if isReading {
                try await park(slot, deadline: deadline)
            } else {
                try await read(until: slot, deadline: deadline)
            }
        }
    }

    /// Waits until the reading task has read this caller's reply, or has read its own reply and lets this
    /// task read.
    private func park(_ slot: Slot, deadline: ContinuousClock.Instant) async throws {
        let waiter = Waiter()
        slot.waiter = waiter
        let timer = loop.schedule(at: deadline) {
            waiter.resume(throwing: ReactorError(.timedOut, operation: "wait"))
        }
        defer {
            slot.waiter = nil
            timer.cancel()
        }
        do {
            try await waiter.wait(on: loop)
        } catch {
            // This task may have been chosen to read after it stopped waiting. Then the next task reads.
            slot.waiter = nil
            if !isReading { handOverReading() }
            throw error
        }
    }

    private func handOverReading() {
        slots.first { $0.waiter != nil }?.waiter?.resume()
    }

    private func read(until slot: Slot, deadline: ContinuousClock.Instant) async throws {
        isReading = true
        defer {
            isReading = false
            // Another caller reads next. It also reads the replies of callers that stopped waiting.
            handOverReading()
        }
        while !slot.isDone {
            let count = try await stream.read(into: &input, deadline: deadline)
            guard count > 0 else {
                throw ReactorError(.closed, operation: "read")
            }
            do throws(RedisError) {
                try reader.feed(input.readable)
                input.consume(input.readableCount)
                while let reply = try reader.next() { deliver(reply) }
            } catch {
                fail(error)
                throw error
            }
        }
    }

    private func deliver(_ reply: RedisReply) {
        guard let slot = slots.popFirst() else {
            fail(RedisError(.unexpectedReply, operation: "read", detail: "a reply without a command"))
            return
        }
        slot.reply = reply
        slot.waiter?.resume()
    }

    private func fail(_ error: RedisError) {
        guard failure == nil else { return }
        failure = error
        stream.close()
        for slot in slots where !slot.isDone {
            slot.error = error
            slot.waiter?.resume()
        }
        slots.removeAll()
        output.removeAll()
    }
}

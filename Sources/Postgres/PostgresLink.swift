import CPostgres
import Reactor

/// One libpq connection on one loop: the only owner of the `PGconn`. It sends and receives. Transactions,
/// caches and pools are elsewhere.
///
/// Every wait has a deadline. A wait is cancellable unless `isShielded`: a cancelled task must still be able
/// to roll back.
// SAFETY: loop-confined. Every method checks the loop, and deinit returns the pointer to it.
@safe final class PostgresLink: @unchecked Sendable {
    let loop: EventLoop
    let cancelHandle: CancelHandle
    /// While true, waits ignore cancellation. Set for roll-backs and drains.
    var isShielded = false
    private var pointer: OpaquePointer?
    private var readiness: Readiness

    /// Takes over an open connection.
    init(adopting pointer: OpaquePointer) throws {
        loop = .current
        guard let cancelHandle = unsafe CancelHandle(pointer) else {
            throw PostgresError(.connection, "the connection was lost at once")
        }
        self.cancelHandle = cancelHandle
        readiness = try Readiness(descriptor: unsafe PQsocket(pointer))
        unsafe self.pointer = unsafe pointer
        unsafe PQsetnonblocking(pointer, 1)
        // libpq's own receiver prints to standard error.
        unsafe PQsetNoticeReceiver(pointer, { _, _ in }, nil)
    }

    deinit {
        guard let pointer = unsafe pointer else { return }
        let address = Int(bitPattern: pointer)
        let readiness = readiness
        // The last reference may be released anywhere, but the descriptor's registration belongs to the loop.
        loop.post {
            readiness.close()
            unsafe PQfinish(OpaquePointer(bitPattern: address))
        }
    }

    func close() {
        precondition(loop.isCurrent, "a connection is closed on its own loop")
        guard let connection = unsafe pointer else { return }
        unsafe pointer = nil
        readiness.close()
        unsafe PQfinish(connection)
    }

    var isOpen: Bool { unsafe pointer != nil }

    private func connection() throws(PostgresError) -> OpaquePointer {
        precondition(loop.isCurrent, "a connection is used on its own loop")
        guard let pointer = unsafe pointer else {
            throw PostgresError(.closed, "the connection is closed")
        }
        return unsafe pointer
    }

    /// libpq's last failure on this connection.
    private func failure(_ code: PostgresError.Code = .connection) -> PostgresError {
        guard let pointer = unsafe pointer else { return PostgresError(.closed, "the connection is closed") }
        let message = unsafe String(cString: PQerrorMessage(pointer))
        return PostgresError(code, message, sqlState: SQLState.inVerboseMessage(message))
    }

    var isLost: Bool {
        guard let pointer = unsafe pointer else { return true }
        return unsafe PQstatus(pointer) == CONNECTION_BAD
    }

    var transactionStatus: PGTransactionStatusType {
        guard let pointer = unsafe pointer else { return PQTRANS_UNKNOWN }
        return unsafe PQtransactionStatus(pointer)
    }

    var backendProcess: Int32 {
        guard let pointer = unsafe pointer else { return 0 }
        return unsafe PQbackendPID(pointer)
    }

    var isEncrypted: Bool {
        guard let pointer = unsafe pointer else { return false }
        return unsafe PQsslInUse(pointer) == 1
    }

    /// Whether the server's identity was verified.
    var trust: ServerTrust {
        guard let pointer = unsafe pointer else { return .verified }
        var settings: [String: String] = [:]
        let options = unsafe PQconninfo(pointer)
        defer { unsafe PQconninfoFree(options) }
        if var option = unsafe options {
            while let keyword = unsafe option.pointee.keyword {
                if let value = unsafe option.pointee.val {
                    settings[unsafe String(cString: keyword)] = unsafe String(cString: value)
                }
                unsafe option += 1
            }
        }
        return ServerTrust(
            address: unsafe PQhostaddr(pointer).map { unsafe String(cString: $0) } ?? "",
            isEncrypted: isEncrypted, mode: settings["sslmode"] ?? "",
            hasAuthorities: settings["sslrootcert"]?.isEmpty == false)
    }
}

// Waiting.
extension PostgresLink {
    enum Direction {
        case readable
        case either
    }

    func wait(for direction: Direction, deadline: ContinuousClock.Instant) async throws {
        // TLS may hold a part of a record that the kernel no longer has. No event reports it.
        if pendingCount > 0 { return }
        if isShielded { return try await shieldedWait(for: direction, deadline: deadline) }
        do {
            switch direction {
            case .readable: try await readiness.readable(deadline: deadline)
            case .either: try await readiness.readableOrWritable(deadline: deadline)
            }
        } catch let error as ReactorError {
            switch error.code {
            case .timedOut: throw PostgresError(.timedOut, "the server did not answer in time")
            case .closed: throw PostgresError(.closed, "the connection was closed")
            default: throw PostgresError(.connection, error.description)
            }
        }
    }

    /// Waits, also in a cancelled task. It is rare, so a second registration is acceptable.
    private func shieldedWait(for direction: Direction, deadline: ContinuousClock.Instant) async throws {
        let descriptor = unsafe PQsocket(try connection())
        let wanted: Watcher.Interest = direction == .readable ? .readable : [.readable, .writable]
        readiness.close()
        let event = Event()
        let watcher = try Watcher(descriptor: descriptor) { _ in event.set() }
        watcher.update(wanted)
        let isReady = await event.waitUncancellable(until: deadline)
        watcher.close()
        guard unsafe pointer != nil else { throw PostgresError(.closed, "the connection was closed") }
        readiness = try Readiness(descriptor: descriptor)
        if !isReady { throw PostgresError(.timedOut, "the server did not answer in time") }
    }

    /// Cancels the running statement, and returns when the request has been delivered, so that it cannot hit
    /// the next statement. False: the server could not be reached in time.
    func requestCancel(deadline: ContinuousClock.Instant) async -> Bool {
        let delivered = Event()
        let handle = cancelHandle
        // In a cancelled task this throws at once. The request is sent all the same.
        try? await BlockingPool.shared.run(deadline: deadline) {
            handle.request()
            delivered.set()
        }
        return await delivered.waitUncancellable(until: deadline)
    }

    func consumeInput() throws(PostgresError) {
        guard unsafe PQconsumeInput(try connection()) == 1 else { throw failure() }
    }

    /// Sends the bytes that libpq has buffered. It reads meanwhile: a server whose answers are not read stops
    /// reading.
    func flush(deadline: ContinuousClock.Instant) async throws {
        while try !flushSome() {
            try await wait(for: .either, deadline: deadline)
            try consumeInput()
        }
    }

    /// Sends the bytes that the kernel takes now. True if libpq's buffer is empty.
    func flushSome() throws(PostgresError) -> Bool {
        let status = unsafe PQflush(try connection())
        if status < 0 { throw failure() }
        return status == 0
    }

    /// The next result of the sent statements. Nil after the last one of a command.
    func result(deadline: ContinuousClock.Instant) async throws -> PostgresResult? {
        while unsafe PQisBusy(try connection()) == 1 {
            try await wait(for: .readable, deadline: deadline)
            // A lost connection appears as an error result, which has more details than the failure.
            guard unsafe PQconsumeInput(try connection()) == 1 else { break }
        }
        return unsafe PQgetResult(try connection()).map { unsafe PostgresResult($0) }
    }

    /// Reads unsolicited messages (notifications, the end of the session) without waiting.
    func noticeInput() throws(PostgresError) {
        try consumeInput()
        if isLost { throw failure() }
    }
}

// Sending.
extension PostgresLink {
    /// Many statements, no parameters: the simple protocol.
    func sendScript(_ text: String) throws(PostgresError) {
        try Self.check(text)
        guard unsafe PQsendQuery(try connection(), text) == 1 else { throw failure() }
    }

    func send(_ text: String, _ parameters: [PostgresParameter]) throws(PostgresError) {
        try Self.check(text)
        let connection = unsafe try connection()
        let isSent = unsafe try ParameterBlock(parameters).withPointers { types, values, lengths, formats in
            unsafe PQsendQueryParams(
                connection, text, Int32(parameters.count), types, values, lengths, formats, 0)
        }
        guard isSent == 1 else { throw failure() }
    }

    func sendPrepare(name: String, _ text: String, _ parameters: [PostgresParameter]) throws(PostgresError) {
        try Self.check(text)
        let types = parameters.map(\.type)
        guard unsafe PQsendPrepare(try connection(), name, text, Int32(types.count), types) == 1 else {
            throw failure()
        }
    }

    func sendPrepared(name: String, _ parameters: [PostgresParameter]) throws(PostgresError) {
        let connection = unsafe try connection()
        let isSent = unsafe try ParameterBlock(parameters).withPointers { _, values, lengths, formats in
            unsafe PQsendQueryPrepared(
                connection, name, Int32(parameters.count), values, lengths, formats, 0)
        }
        guard isSent == 1 else { throw failure() }
    }

    func enterPipeline() throws(PostgresError) {
        guard unsafe PQenterPipelineMode(try connection()) == 1 else { throw failure() }
    }

    func syncPipeline() throws(PostgresError) {
        guard unsafe PQpipelineSync(try connection()) == 1 else { throw failure() }
    }

    func exitPipeline() throws(PostgresError) {
        guard unsafe PQexitPipelineMode(try connection()) == 1 else { throw failure() }
    }

    var isInPipeline: Bool {
        guard let pointer = unsafe pointer else { return false }
        return unsafe PQpipelineStatus(pointer) != PQ_PIPELINE_OFF
    }

    /// libpq takes C strings: a NUL would cut the statement, and the first part would be sent.
    private static func check(_ text: String) throws(PostgresError) {
        if text.utf8.contains(0) { throw PostgresError(.invalidArgument, "a statement contains a NUL byte") }
    }
}

// COPY.
extension PostgresLink {
    /// Passes bytes to libpq. False if its buffer is full.
    func putCopy(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) -> Bool {
        let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
        let status = unsafe PQputCopyData(try connection(), start, Int32(bytes.count))
        if status < 0 { throw failure() }
        return status == 1
    }

    /// Ends a COPY IN. With a reason, the server drops its rows.
    func endCopy(reason: String?, deadline: ContinuousClock.Instant) async throws {
        while true {
            let status =
                if let reason { unsafe PQputCopyEnd(try connection(), reason) } else {
                    unsafe PQputCopyEnd(try connection(), nil)
                }
            if status < 0 { throw failure() }
            if status == 1 { return try await flush(deadline: deadline) }
            try await flush(deadline: deadline)
        }
    }

    /// Appends the next row of a COPY OUT to `chunk`. Nil: it has ended, a result follows. False: no row has
    /// arrived yet.
    func takeCopyRow(into chunk: inout [UInt8]) throws(PostgresError) -> Bool? {
        var row: UnsafeMutablePointer<CChar>?
        let count = unsafe PQgetCopyData(try connection(), &row, 1)
        defer { unsafe PQfreemem(row) }
        if count == -1 { return nil }
        if count == -2 { throw failure() }
        if count == 0 { return false }
        // SAFETY: libpq allocated `count` bytes at `row`, freed above.
        unsafe chunk.append(contentsOf: UnsafeRawBufferPointer(start: row, count: Int(count)))
        return true
    }

    /// Peeks at bytes that libpq has not read, at most as many as libpq reads at once. Over TLS there may be
    /// none although bytes have arrived. Nil: the end of the stream.
    func peek() throws(PostgresError) -> [UInt8]? {
        let connection = unsafe try connection()
        var isAtEnd = false
        let isEncrypted = isEncrypted
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 16 * 1024) { buffer, count in
            // SAFETY: both write at most the buffer's length and return the number of written bytes.
            let result =
                if isEncrypted {
                    unsafe Int(tls_peek(connection, buffer.baseAddress, Int32(buffer.count)))
                } else {
                    unsafe recv(
                        PQsocket(connection), buffer.baseAddress, buffer.count,
                        Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
                }
            isAtEnd = isEncrypted ? result < 0 : result <= 0
            count = max(0, result)
        }
        return isAtEnd ? nil : bytes
    }

    /// The unread rest of a TLS record.
    var pendingCount: Int {
        guard let pointer = unsafe pointer else { return 0 }
        return unsafe Int(tls_pending(pointer))
    }

    /// Whether a read would not block.
    var hasInput: Bool {
        guard let pointer = unsafe pointer else { return false }
        if pendingCount > 0 { return true }
        var entry = pollfd(fd: unsafe PQsocket(pointer), events: Int16(POLLIN), revents: 0)
        return unsafe poll(&entry, 1, 0) > 0
    }

    /// Lets libpq parse its input without taking a result: notices and notifications are recorded.
    func parseInput() throws(PostgresError) {
        try consumeInput()
        _ = unsafe PQisBusy(try connection())
    }
}

// Notifications.
extension PostgresLink {
    func takeNotification() throws(PostgresError) -> PostgresNotification? {
        guard let notify = unsafe PQnotifies(try connection()) else { return nil }
        defer { unsafe PQfreemem(notify) }
        return unsafe PostgresNotification(
            channel: String(cString: notify.pointee.relname), payload: String(cString: notify.pointee.extra),
            process: notify.pointee.be_pid)
    }
}

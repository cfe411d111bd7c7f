import CPostgres
import Reactor

/// A session with a Postgres server, on the loop where it was opened.
///
/// One thing at a time: a second task that uses it meanwhile gets `.busy`. Cancelling the task of a running
/// statement, or its deadline, cancels the statement on the server too; afterwards the connection is ready
/// for use again, or closed if the server did not answer in time.
// SAFETY: loop-confined; the link checks the loop at every entrance.
package final class PostgresConnection: @unchecked Sendable {
    let link: PostgresLink
    let answerTimeout: Duration
    var cache = StatementCache()
    private var isBusy = false
    /// The transaction was begun so that nothing can be written in it.
    var isReadOnly = false
    /// The server has refused to write, so that the connection was closed.
    private(set) var hasLeftStandby = false
    /// Open transactions: 1 is a transaction, more are savepoints.
    var transactionDepth = 0

    init(link: PostgresLink, configuration: PostgresConfiguration) {
        self.link = link
        answerTimeout = configuration.answerTimeout
    }

    /// Opens a session on the current loop.
    ///
    /// - Throws: `.connection`, with a SQLSTATE where the server itself refused (28P01 for a wrong
    ///   password, 3D000 for an unknown database, 53300 for too many connections); `.timedOut`.
    package static func connect(
        _ configuration: PostgresConfiguration, deadline: ContinuousClock.Instant? = nil
    ) async throws -> PostgresConnection {
        let deadline = deadline ?? .now + PostgresLimits.connect
        let link = try await PostgresConnector(configuration: configuration).connect(deadline: deadline)
        return PostgresConnection(link: link, configuration: configuration)
    }

    /// Ends the session at once; a task that waits for an answer gets `.closed`.
    package func close() {
        link.close()
    }

    /// False after `close` and after a loss that has been noticed.
    package var isUsable: Bool { link.isOpen && !link.isLost }

    /// Whether the session is outside of any transaction and nothing is under way.
    package var isIdle: Bool {
        isUsable && !isBusy && link.transactionStatus == PQTRANS_IDLE && !link.isInPipeline
    }

    /// Whether the connection is still there as far as the kernel knows: a server that restarted, or ended
    /// the session, has left a message or the end of the stream behind.
    var stillUsable: Bool {
        var looks = 0
        while isUsable, link.hasInput, looks < 4 {
            guard (try? link.noticeInput()) != nil else { return false }
            looks += 1
        }
        return isUsable && looks < 4
    }

    /// The server's process, as in `pg_stat_activity`.
    package var backendProcess: Int32 { link.backendProcess }

    /// Whether the session runs over TLS.
    package var isEncrypted: Bool { link.isEncrypted }

    /// Asks the server to cancel what this session is doing. May be called on any task of the loop.
    package func cancel() async {
        _ = await link.requestCancel(deadline: .now + PostgresLimits.drain)
    }
}

// Statements.
extension PostgresConnection {
    /// Runs a statement and returns its rows, all of them in memory.
    package func query(_ sql: SQL, deadline: ContinuousClock.Instant? = nil) async throws -> Rows {
        Rows(result: try await run(sql, deadline: deadline))
    }

    /// Runs a statement and returns how many rows it changed.
    @discardableResult
    package func execute(_ sql: SQL, deadline: ContinuousClock.Instant? = nil) async throws -> Int {
        try await run(sql, deadline: deadline).affectedRows
    }

    /// Runs several statements, separated by semicolons, without parameters. Outside of a transaction they
    /// form one together, unless they say otherwise.
    package func script(_ text: String, deadline: ContinuousClock.Instant? = nil) async throws {
        _ = try await scriptResult(text, deadline: deadline)
    }

    func scriptResult(_ text: String, deadline: ContinuousClock.Instant? = nil) async throws -> PostgresResult
    {
        try await exclusively(deadline: deadline) { deadline in
            try link.sendScript(text)
            try await link.flush(deadline: deadline)
            return try await collect(statement: text, deadline: deadline)
        }
    }

    private func run(_ sql: SQL, deadline: ContinuousClock.Instant?) async throws -> PostgresResult {
        try await exclusively(deadline: deadline) { deadline in
            let text = sql.text
            let key = StatementCache.Key(text: text, types: sql.parameters.map(\.type))
            let isInTransaction = link.transactionStatus != PQTRANS_IDLE
            // In a failed transaction nothing can be prepared, and the statement will fail anyway.
            let plan = link.transactionStatus == PQTRANS_INERROR ? .once : cache.plan(for: key)
            do {
                return try await run(key, sql.parameters, plan, deadline: deadline)
            } catch let error as PostgresError where isStale(plan, key, error) && !isInTransaction {
                // Nothing has been executed: the server refused the plan.
                return try await run(key, sql.parameters, .once, deadline: deadline)
            }
        }
    }

    /// The server cannot use what it prepared, because a table changed or `discard all` was run. Such a
    /// statement is forgotten.
    func isStale(_ plan: StatementCache.Plan, _ key: StatementCache.Key, _ error: PostgresError)
        -> Bool
    {
        guard case .prepared = plan else { return false }
        switch error.sqlState {
        case .featureNotSupported?:
            cache.discard(key)
            return true
        case .invalidStatementName?:
            cache.clear()
            return true
        default:
            return false
        }
    }

    private func run(
        _ key: StatementCache.Key, _ parameters: [PostgresParameter], _ plan: StatementCache.Plan,
        deadline: ContinuousClock.Instant
    ) async throws -> PostgresResult {
        switch plan {
        case .once:
            try link.send(key.text, parameters)
        case .prepare(let name):
            try await deallocateRetired(deadline: deadline)
            try link.sendPrepare(name: name, key.text, parameters)
            try await link.flush(deadline: deadline)
            _ = try await collect(statement: key.text, deadline: deadline)
            cache.prepared(key, as: name)
            try link.sendPrepared(name: name, parameters)
        case .prepared(let name):
            try link.sendPrepared(name: name, parameters)
        }
        try await link.flush(deadline: deadline)
        return try await collect(statement: key.text, deadline: deadline)
    }

    /// Outside of transactions only: there a failure does no harm.
    func deallocateRetired(deadline: ContinuousClock.Instant) async throws {
        guard !cache.retired.isEmpty, link.transactionStatus == PQTRANS_IDLE else { return }
        let text = cache.takeRetired().map { "deallocate \($0)" }.joined(separator: ";")
        try link.sendScript(text)
        try await link.flush(deadline: deadline)
        do {
            _ = try await collect(statement: text, deadline: deadline)
        } catch let error as PostgresError where error.sqlState == .invalidStatementName {
            // `discard all` was faster, and has taken the others along.
            cache.clear()
        }
    }

    /// The last result of what was sent; throws the first error after all results are in.
    func collect(
        statement: String, deadline: ContinuousClock.Instant
    ) async throws -> PostgresResult {
        var failure: PostgresError?
        var last: PostgresResult?
        while let result = try await link.result(deadline: deadline) {
            switch result.status {
            case PGRES_COPY_IN:
                failure = failure ?? Self.misplacedCopy
                try await link.endCopy(reason: "no data follows", deadline: deadline)
            case PGRES_COPY_OUT, PGRES_COPY_BOTH:
                failure = failure ?? Self.misplacedCopy
                try await discardCopyOut(deadline: deadline)
            case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE, PGRES_NONFATAL_ERROR:
                failure = failure ?? result.error(statement: statement)
                if link.isLost { throw failure ?? Self.misplacedCopy }
            default:
                last = result
            }
        }
        if let failure { throw failure }
        guard let last else { throw PostgresError(.connection, "the server sent no result") }
        return last
    }

    private static var misplacedCopy: PostgresError {
        PostgresError(.invalidArgument, "COPY goes through copyIn and copyOut")
    }

    func discardCopyOut(deadline: ContinuousClock.Instant) async throws {
        var chunk: [UInt8] = []
        while let hasRow = try link.takeCopyRow(into: &chunk) {
            chunk.removeAll(keepingCapacity: true)
            if hasRow { continue }
            try await link.wait(for: .readable, deadline: deadline)
            try link.consumeInput()
        }
    }
}

// One at a time, and ready again afterwards.
extension PostgresConnection {
    func exclusively<R>(
        deadline: ContinuousClock.Instant?, _ body: (ContinuousClock.Instant) async throws -> R
    ) async throws -> R {
        try begin()
        defer { isBusy = false }
        do {
            if !link.isShielded { try Task.checkCancellation() }
            return try await body(deadline ?? .now + answerTimeout)
        } catch let error as PostgresError where error.sqlState == .readOnlyTransaction && !isReadOnly {
            // The server has become a standby: a new connection finds the one that takes writes.
            link.close()
            hasLeftStandby = true
            var loss = error
            loss.code = .connection
            throw loss
        } catch let error as PostgresError {
            switch error.code {
            case .timedOut: await recover()
            case .connection: link.close()
            default: break
            }
            throw error
        } catch {
            await recover()
            throw error
        }
    }

    /// Whether the server answers in time. If not, the connection is closed at once: to have the statement cancelled,
    /// as after other deadlines, would take as long again as whoever asks wants to wait.
    package func answers(by deadline: ContinuousClock.Instant) async -> Bool {
        do {
            try begin()
        } catch {
            return false
        }
        defer { isBusy = false }
        do {
            try link.sendScript("select 1")
            try await link.flush(deadline: deadline)
            _ = try await collect(statement: "select 1", deadline: deadline)
            return true
        } catch {
            link.close()
            return false
        }
    }

    /// Keeps the connection until `end`, for what lasts longer than one call: a COPY.
    func claim() {
        isBusy = true
    }

    private func begin() throws(PostgresError) {
        guard link.isOpen else { throw PostgresError(.closed, "the connection is closed") }
        guard !isBusy, link.transactionStatus != PQTRANS_ACTIVE else {
            throw PostgresError(.busy, "the connection is in use")
        }
        isBusy = true
    }

    func end() {
        isBusy = false
    }

    /// After an interruption: has the statement cancelled and reads what is left of its answer. A
    /// connection that is not usable then is closed.
    func recover() async {
        guard link.isOpen, link.transactionStatus == PQTRANS_ACTIVE || link.isInPipeline else { return }
        // How much of a pipeline was sent is not known here; it is rare enough to start anew.
        if link.isInPipeline { return link.close() }
        let wasShielded = link.isShielded
        link.isShielded = true
        defer { link.isShielded = wasShielded }
        let deadline = ContinuousClock.now + PostgresLimits.drain
        do {
            guard await link.requestCancel(deadline: deadline) else { return link.close() }
            try await link.flush(deadline: deadline)
            try await drain(deadline: deadline)
        } catch {
            link.close()
        }
    }

    /// Reads and drops results until the server is ready for the next statement.
    private func drain(deadline: ContinuousClock.Instant) async throws {
        while let result = try await link.result(deadline: deadline) {
            try await drop(result, deadline: deadline)
        }
    }

    /// The same, with a result that is here already.
    func drain(from result: PostgresResult, deadline: ContinuousClock.Instant) async throws {
        try await drop(result, deadline: deadline)
        try await drain(deadline: deadline)
    }

    private func drop(_ result: PostgresResult, deadline: ContinuousClock.Instant) async throws {
        switch result.status {
        case PGRES_COPY_IN: try await link.endCopy(reason: "interrupted", deadline: deadline)
        case PGRES_COPY_OUT, PGRES_COPY_BOTH: try await discardCopyOut(deadline: deadline)
        default: if link.isLost { throw PostgresError(.connection, "the connection was lost") }
        }
    }
}

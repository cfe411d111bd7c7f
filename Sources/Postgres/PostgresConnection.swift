import CPostgres
import Reactor

/// A session with a Postgres server, on the loop where it was opened.
///
/// One task at a time: a second one gets `.busy`. Cancellation of the task, or its deadline, also cancels the
/// statement on the server. Afterwards the connection is ready again, or closed if the server did not answer
/// in time.
// SAFETY: loop-confined. The link checks the loop in every method.
package final class PostgresConnection: @unchecked Sendable {
    let link: PostgresLink
    let answerTimeout: Duration
    var cache = StatementCache()
    private var isBusy = false
    /// The transaction is read-only.
    var isReadOnly = false
    /// The server refused a write (it is a standby), so the connection was closed.
    private(set) var hasLeftStandby = false
    /// Open transactions: 1 is a transaction, more are savepoints.
    var transactionDepth = 0

    init(link: PostgresLink, configuration: PostgresConfiguration) {
        self.link = link
        answerTimeout = configuration.answerTimeout
    }

    /// Opens a session on the current loop.
    ///
    /// - Throws: `.connection`, with a SQLSTATE if the server refused (28P01 for a wrong password, 3D000 for
    ///   an unknown database, 53300 for too many connections); `.timedOut`.
    package static func connect(
        _ configuration: PostgresConfiguration, deadline: ContinuousClock.Instant? = nil
    ) async throws -> PostgresConnection {
        let deadline = deadline ?? .now + PostgresLimits.connect
        let link = try await PostgresConnector(configuration: configuration).connect(deadline: deadline)
        let connection = PostgresConnection(link: link, configuration: configuration)
        do {
            try await connection.script(configuration.sessionStatement, deadline: deadline)
            return connection
        } catch {
            connection.close()
            guard let refusal = error as? PostgresError, refusal.code == .server else { throw error }
            throw PostgresError(.connection, refusal.message, sqlState: refusal.sqlState)
        }
    }

    /// Ends the session at once. A waiting task gets `.closed`.
    package func close() {
        link.close()
    }

    /// False after `close` and after a detected loss.
    package var isUsable: Bool { link.isOpen && !link.isLost }

    /// Whether no transaction is open and no statement runs.
    package var isIdle: Bool {
        isUsable && !isBusy && link.transactionStatus == PQTRANS_IDLE && !link.isInPipeline
    }

    /// Whether the kernel knows of no loss: a server that restarted or ended the session has left a message
    /// or the end of the stream.
    var stillUsable: Bool {
        var looks = 0
        while isUsable, link.hasInput, looks < 4 {
            guard (try? link.noticeInput()) != nil else { return false }
            looks += 1
        }
        return isUsable && looks < 4
    }

    /// The server's process id, as in `pg_stat_activity`.
    package var backendProcess: Int32 { link.backendProcess }

    /// Whether the session runs over TLS.
    package var isEncrypted: Bool { link.isEncrypted }

    /// Cancels the running statement of this session. Any task of the loop may call it.
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
    /// form one together, unless they contain transaction commands.
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
            // In a failed transaction the server prepares no statement, and this one fails anyway.
            let plan = link.transactionStatus == PQTRANS_INERROR ? .once : cache.plan(for: key)
            do {
                return try await run(key, sql.parameters, plan, deadline: deadline)
            } catch let error as PostgresError where isStale(plan, key, error) && !isInTransaction {
                // Nothing has been executed: the server refused the plan.
                return try await run(key, sql.parameters, .once, deadline: deadline)
            }
        }
    }

    /// The server cannot use the prepared statement, because a table changed or `discard all` was run. It is
    /// removed from the cache.
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

    /// Only outside of transactions: there a failure does no harm.
    func deallocateRetired(deadline: ContinuousClock.Instant) async throws {
        guard !cache.retired.isEmpty, link.transactionStatus == PQTRANS_IDLE else { return }
        let text = cache.takeRetired().map { "deallocate \($0)" }.joined(separator: ";")
        try link.sendScript(text)
        try await link.flush(deadline: deadline)
        do {
            _ = try await collect(statement: text, deadline: deadline)
        } catch let error as PostgresError where error.sqlState == .invalidStatementName {
            // `discard all` has already removed them.
            cache.clear()
        }
    }

    /// The last result of the sent statements. Throws the first error after all results have arrived.
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
        PostgresError(.invalidArgument, "use copyIn or copyOut for COPY")
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
            // The server has become a standby. A new connection finds the primary.
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

    /// Whether the server answers in time. If not, the connection is closed at once: cancelling the
    /// statement, as after other deadlines, would take as long again.
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

    /// Reserves the connection until `end`, for a COPY, which takes several calls.
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

    /// After an interruption: cancels the statement and reads the rest of its results. A connection that is
    /// not ready afterwards is closed.
    func recover() async {
        guard link.isOpen, link.transactionStatus == PQTRANS_ACTIVE || link.isInPipeline else { return }
        // The number of sent statements of a pipeline is unknown here. That is rare, so the connection is
        // closed.
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

    /// As above, with a result that has already arrived.
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

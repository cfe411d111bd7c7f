import CPostgres

/// A running `COPY ... FROM STDIN`. It uses the connection until `finish` or `fail`. The pool closes a
/// connection whose copy did not end.
///
/// At most `PostgresLimits.outputBytes` are buffered; `write` waits for the server to read. The next `write`
/// reports a refused row.
// SAFETY: loop-confined like its connection, which it uses for everything.
package final class CopyIn: @unchecked Sendable {
    private enum State {
        case open
        case ended
    }

    private let connection: PostgresConnection
    private let statement: String
    private let deadline: ContinuousClock.Instant?
    private var state = State.open
    /// Bytes passed to libpq since its buffer was last known to be empty.
    private var held = 0
    private var frames = BackendFrames()
    /// Bytes that were peeked but not yet read by libpq.
    private var seen = 0

    init(_ connection: PostgresConnection, statement: String, deadline: ContinuousClock.Instant?) {
        self.connection = connection
        self.statement = statement
        self.deadline = deadline
    }

    private var nextDeadline: ContinuousClock.Instant { deadline ?? .now + connection.answerTimeout }

    /// Sends bytes in the format of the statement. They need not end at the end of a row.
    ///
    /// - Throws: the server's error, with the line in `context`. After any error the copy has ended.
    package func write(_ bytes: [UInt8]) async throws {
        try await write(bytes[...])
    }

    package func write(_ bytes: ArraySlice<UInt8>) async throws {
        var rest = bytes
        while !rest.isEmpty {
            let part = rest.prefix(PostgresLimits.outputBytes)
            rest = rest.dropFirst(part.count)
            try await put(part)
        }
    }

    /// Ends the copy and returns the number of rows.
    package func finish() async throws -> Int {
        let rows = try await guarded {
            try await connection.link.endCopy(reason: nil, deadline: nextDeadline)
            return try await conclude()
        }
        end()
        return rows
    }

    /// Ends the copy and drops its rows. May be called after the end. The statement has then failed, and so
    /// has its transaction. Not cancellable.
    package func fail(_ reason: String = "cancelled by the client") async {
        guard state == .open else { return }
        state = .ended
        let link = connection.link
        link.isShielded = true
        defer {
            link.isShielded = false
            connection.end()
        }
        let deadline = ContinuousClock.now + PostgresLimits.drain
        do {
            // A server that does not read now, for example because it waits for a lock, would not read the
            // end of the copy either. Full buffers alone do not prove that the server does not read, so the
            // statement is always cancelled.
            guard await link.requestCancel(deadline: deadline) else { return link.close() }
            try await link.endCopy(reason: String(reason.prefix { $0 != "\0" }), deadline: deadline)
            _ = try await connection.collect(statement: statement, deadline: deadline)
        } catch let error as PostgresError where error.code == .server {
            // The server confirms with 57014 that it has dropped the rows.
        } catch {
            link.close()
        }
    }

    private func put(_ part: ArraySlice<UInt8>) async throws {
        try await guarded {
            let link = connection.link
            try Task.checkCancellation()
            try await endIfRefused()
            // SAFETY: libpq copies the bytes before it returns.
            while unsafe try !part.withUnsafeBytes({ bytes in unsafe try link.putCopy(bytes) }) {
                try await flush()
            }
            held += part.count
            guard held >= PostgresLimits.outputBytes else { return }
            try await flush()
            held = 0
        }
    }

    /// Waits until libpq's buffer is empty. It must not read: an error in libpq's own input buffer stays
    /// invisible until the copy ends.
    private func flush() async throws {
        let link = connection.link
        while try !link.flushSome() {
            try await link.wait(for: .either, deadline: nextDeadline)
            try await endIfRefused()
        }
    }

    /// Ends the copy with the server's error, if there is one.
    private func endIfRefused() async throws {
        guard try serverHasRefused() else { return }
        try await connection.link.endCopy(reason: "refused", deadline: nextDeadline)
        _ = try await conclude()
    }

    private func serverHasRefused() throws(PostgresError) -> Bool {
        let link = connection.link
        guard link.hasInput else { return false }
        guard let bytes = try link.peek() else { return true }
        // Notices and changed parameters are not errors.
        if frames.findsError(in: bytes.span.extracting(min(seen, bytes.count)...)) { return true }
        try link.parseInput()
        seen = link.pendingCount
        return false
    }

    private func conclude() async throws -> Int {
        let result = try await connection.collect(statement: statement, deadline: nextDeadline)
        return result.affectedRows
    }

    /// Runs a step. After an error the connection is ready again or closed.
    private func guarded<R>(_ step: () async throws -> R) async throws -> R {
        guard state == .open else { throw PostgresError(.invalidArgument, "the copy has ended") }
        do {
            return try await step()
        } catch let error as PostgresError {
            switch error.code {
            case .server: end()
            case .connection, .closed:
                connection.link.close()
                end()
            default: await fail(error.message)
            }
            throw error
        } catch {
            await fail("interrupted")
            throw error
        }
    }

    private func end() {
        guard state == .open else { return }
        state = .ended
        connection.end()
    }
}

extension PostgresConnection {
    /// Starts `COPY t (a, b) FROM STDIN WITH (FORMAT csv)`.
    ///
    /// - Parameter deadline: of the whole copy. Nil: each wait has the connection's default.
    package func copyIn(_ sql: SQL, deadline: ContinuousClock.Instant? = nil) async throws -> CopyIn {
        let text = sql.text
        try await startCopy(sql, expecting: PGRES_COPY_IN, deadline: deadline)
        return CopyIn(self, statement: text, deadline: deadline)
    }

    /// Runs `body` with a copy and finishes it. If `body` throws, no row is kept.
    ///
    /// - Returns: the number of rows.
    package func copyIn(
        _ sql: SQL, deadline: ContinuousClock.Instant? = nil, _ body: (CopyIn) async throws -> Void
    ) async throws -> Int {
        let copy = try await copyIn(sql, deadline: deadline)
        do {
            try await body(copy)
        } catch {
            await copy.fail()
            throw error
        }
        return try await copy.finish()
    }

    /// Sends a COPY and reserves the connection until the copy ends.
    func startCopy(
        _ sql: SQL, expecting status: ExecStatusType, deadline: ContinuousClock.Instant?
    ) async throws {
        guard sql.parameters.isEmpty else {
            throw PostgresError(.invalidArgument, "COPY takes no parameters; use \\(literal:)")
        }
        let text = sql.text
        try await exclusively(deadline: deadline) { deadline in
            try link.sendScript(text)
            try await link.flush(deadline: deadline)
            guard let result = try await link.result(deadline: deadline) else {
                throw PostgresError(.connection, "the server sent no result")
            }
            if result.status == status { return }
            let failure =
                result.status == PGRES_FATAL_ERROR
                ? result.error(statement: text)
                : PostgresError(.invalidArgument, "the statement is not a COPY in this direction")
            try await drain(from: result, deadline: deadline)
            throw failure
        }
        claim()
    }
}

import CPostgres

/// How far a transaction is kept apart from others.
package enum TransactionIsolation: String, Sendable {
    case serverDefault = ""
    case readCommitted = " isolation level read committed"
    case repeatableRead = " isolation level repeatable read"
    case serializable = " isolation level serializable"
    /// One unchanging view of all tables, without writing.
    case snapshot = " isolation level repeatable read read only"
}

extension PostgresConnection {
    /// Runs `body` in a transaction: commits when it returns, rolls back when it throws, also when the task
    /// is cancelled. Inside of a transaction it is a savepoint, and `isolation` must be the default.
    ///
    /// - Throws: what `body` threw; `.server` when the commit was refused (or had become a roll-back,
    ///   because a statement failed and `body` went on: SQLSTATE 25P02); `.commitInDoubt` when the
    ///   connection was lost while the commit was under way.
    @discardableResult
    package func transaction<R>(
        isolation: TransactionIsolation = .serverDefault, _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        if transactionDepth > 0 {
            precondition(isolation == .serverDefault, "a savepoint cannot change the isolation level")
            return try await savepoint(body)
        }
        try await script("begin\(isolation.rawValue)")
        transactionDepth = 1
        isReadOnly = isolation == .snapshot
        defer {
            transactionDepth = 0
            isReadOnly = false
        }
        let value: R
        do {
            value = try await body(self)
            try checkQuiet()
        } catch {
            await rollBack("rollback")
            throw error
        }
        try await commit()
        return value
    }

    private func savepoint<R>(_ body: (PostgresConnection) async throws -> R) async throws -> R {
        let name = "level_\(transactionDepth)"
        try await script("savepoint \(name)")
        transactionDepth += 1
        defer { transactionDepth -= 1 }
        do {
            let value = try await body(self)
            try checkQuiet()
            try await script("release savepoint \(name)")
            return value
        } catch {
            await rollBack("rollback to savepoint \(name); release savepoint \(name)")
            throw error
        }
    }

    /// A COPY that was neither finished nor failed must not be committed by accident.
    private func checkQuiet() throws(PostgresError) {
        guard link.isOpen else {
            throw PostgresError(.connection, "the connection was lost in a transaction")
        }
        if link.transactionStatus == PQTRANS_ACTIVE {
            throw PostgresError(.busy, "a COPY was left open in a transaction")
        }
    }

    /// Not cancellable: once it is under way, its outcome is waited for.
    private func commit() async throws {
        link.isShielded = true
        defer { link.isShielded = false }
        do {
            let result = try await scriptResult("commit")
            // The server answers a commit of a failed transaction with a roll-back and no error.
            guard result.commandTag == "COMMIT" else {
                throw PostgresError(
                    .server, "the transaction had failed and was rolled back", sqlState: .inFailedTransaction)
            }
        } catch let error as PostgresError where error.code == .connection || error.code == .timedOut {
            link.close()
            var doubt = error
            doubt.code = .commitInDoubt
            throw doubt
        }
    }

    /// Not cancellable. A connection that cannot roll back is closed, which rolls back as well.
    private func rollBack(_ text: String) async {
        guard link.isOpen else { return }
        link.isShielded = true
        defer { link.isShielded = false }
        do {
            // A COPY that was left open, or a statement of another task.
            if link.transactionStatus == PQTRANS_ACTIVE {
                end()
                await recover()
            }
            try await script(text, deadline: .now + PostgresLimits.drain)
        } catch {
            link.close()
        }
    }
}

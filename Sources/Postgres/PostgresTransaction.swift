import CPostgres

/// The isolation level of a transaction.
package enum TransactionIsolation: String, Sendable {
    case serverDefault = ""
    case repeatableRead = " isolation level repeatable read"
    case serializable = " isolation level serializable"
    /// One snapshot of all tables, read-only.
    case snapshot = " isolation level repeatable read read only"
}

extension PostgresConnection {
    /// Runs `body` in a transaction: commits when it returns, rolls back when it throws or the task is
    /// cancelled. Inside of a transaction it is a savepoint, and `isolation` must be the default.
    ///
    /// - Throws: the error of `body`; `.server` if the commit was refused (or became a roll-back, because a
    ///   statement failed and `body` continued: SQLSTATE 25P02); `.commitInDoubt` if the connection was lost
    ///   during the commit.
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

    /// Not cancellable: the outcome of a commit must be known.
    private func commit() async throws {
        link.isShielded = true
        defer { link.isShielded = false }
        do {
            let result = try await scriptResult("commit")
            // The server answers the commit of a failed transaction with a roll-back and without an error.
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

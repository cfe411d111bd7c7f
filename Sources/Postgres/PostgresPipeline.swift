import CPostgres

extension PostgresConnection {
    /// Sends all statements at once and then reads all answers: one round trip. Outside of a transaction
    /// they form one together: after an error the rest is not executed, and nothing is kept.
    ///
    /// - Throws: the first error; its `statementIndex` says which statement failed.
    package func pipeline(_ statements: [SQL], deadline: ContinuousClock.Instant? = nil) async throws
        -> [Rows]
    {
        guard !statements.isEmpty else { return [] }
        guard statements.count <= PostgresLimits.pipelineStatements else {
            throw PostgresError(.invalidArgument, "a pipeline has too many statements")
        }
        return try await exclusively(deadline: deadline) { deadline in
            try link.enterPipeline()
            do {
                try await send(statements, deadline: deadline)
                let outcome = try await answers(to: statements, deadline: deadline)
                try link.exitPipeline()
                return try outcome.get()
            } catch {
                // Half a pipeline has been sent.
                if link.isInPipeline { link.close() }
                throw error
            }
        }
    }

    private func send(_ statements: [SQL], deadline: ContinuousClock.Instant) async throws {
        var held = 0
        for statement in statements {
            let text = statement.text
            try link.send(text, statement.parameters)
            held += text.utf8.count + statement.parameters.reduce(0) { $0 + ($1.bytes?.count ?? 0) }
            if held >= PostgresLimits.outputBytes {
                try await link.flush(deadline: deadline)
                held = 0
            }
        }
        try link.syncPipeline()
        try await link.flush(deadline: deadline)
    }

    /// One result and one nil per statement, then the one of the synchronisation.
    private func answers(
        to statements: [SQL], deadline: ContinuousClock.Instant
    ) async throws -> Result<[Rows], PostgresError> {
        var rows: [Rows] = []
        rows.reserveCapacity(statements.count)
        var failure: PostgresError?
        for index in statements.indices {
            while let result = try await link.result(deadline: deadline) {
                switch result.status {
                case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE:
                    var error = result.error(statement: statements[index].text)
                    error.statementIndex = index
                    if link.isLost { throw error }
                    failure = failure ?? error
                case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                    throw PostgresError(.invalidArgument, "COPY cannot be part of a pipeline")
                case PGRES_PIPELINE_ABORTED:
                    break
                default:
                    rows.append(Rows(result: result))
                }
            }
        }
        guard let sync = try await link.result(deadline: deadline), sync.status == PGRES_PIPELINE_SYNC else {
            throw PostgresError(.connection, "the server did not end the pipeline")
        }
        if let failure { return .failure(failure) }
        return .success(rows)
    }
}

import CPostgres

extension PostgresConnection {
    /// A statement of a pipeline, and the way it is sent.
    private struct Step {
        let key: StatementCache.Key
        let parameters: [PostgresParameter]
        var plan: StatementCache.Plan
    }

    /// Sends all statements at once and then reads all results: one round trip. Outside of a transaction they
    /// form one together: after an error the rest is not executed, and all effects are rolled back. Repeated
    /// statements are prepared, as those of `query` are.
    ///
    /// - Throws: the first error. Its `statementIndex` is the failed statement.
    package func pipeline(_ statements: [SQL], deadline: ContinuousClock.Instant? = nil) async throws
        -> [Rows]
    {
        guard !statements.isEmpty else { return [] }
        guard statements.count <= PostgresLimits.pipelineStatements else {
            throw PostgresError(.invalidArgument, "a pipeline has too many statements")
        }
        return try await exclusively(deadline: deadline) { deadline in
            let isInTransaction = link.transactionStatus != PQTRANS_IDLE
            try await deallocateRetired(deadline: deadline)
            var steps = plan(statements)
            do {
                return try await run(steps, deadline: deadline)
            } catch let error as PostgresError where !isInTransaction && isStale(steps, error) {
                // The server refused a plan, so no statement had an effect.
                for index in steps.indices { steps[index].plan = .once }
                return try await run(steps, deadline: deadline)
            }
        }
    }

    private func plan(_ statements: [SQL]) -> [Step] {
        // In a failed transaction the server prepares no statement, and the statements fail anyway.
        let canPrepare = link.transactionStatus != PQTRANS_INERROR
        var preparing: [StatementCache.Key: String] = [:]
        return statements.map { statement in
            let key = StatementCache.Key(text: statement.text, types: statement.parameters.map(\.type))
            var plan = StatementCache.Plan.once
            if let name = preparing[key] {
                plan = .prepared(name)
            } else if canPrepare {
                plan = cache.plan(for: key)
                if case .prepare(let name) = plan { preparing[key] = name }
            }
            return Step(key: key, parameters: statement.parameters, plan: plan)
        }
    }

    private func isStale(_ steps: [Step], _ error: PostgresError) -> Bool {
        guard link.isOpen, let index = error.statementIndex else { return false }
        return isStale(steps[index].plan, steps[index].key, error)
    }

    private func run(_ steps: [Step], deadline: ContinuousClock.Instant) async throws -> [Rows] {
        try link.enterPipeline()
        do {
            try await send(steps, deadline: deadline)
            let outcome = try await answers(to: steps, deadline: deadline)
            try link.exitPipeline()
            return try outcome.get()
        } catch {
            // A part of the pipeline has been sent.
            if link.isInPipeline { link.close() }
            throw error
        }
    }

    private func send(_ steps: [Step], deadline: ContinuousClock.Instant) async throws {
        var held = 0
        for step in steps {
            switch step.plan {
            case .once:
                try link.send(step.key.text, step.parameters)
                held += step.key.text.utf8.count
            case .prepare(let name):
                try link.sendPrepare(name: name, step.key.text, step.parameters)
                try link.sendPrepared(name: name, step.parameters)
                held += step.key.text.utf8.count
            case .prepared(let name):
                try link.sendPrepared(name: name, step.parameters)
            }
            held += step.parameters.reduce(0) { $0 + ($1.bytes?.count ?? 0) }
            if held >= PostgresLimits.outputBytes {
                try await link.flush(deadline: deadline)
                held = 0
            }
        }
        try link.syncPipeline()
        try await link.flush(deadline: deadline)
    }

    /// One result and one nil for each sent message, then the result of the synchronization.
    private func answers(
        to steps: [Step], deadline: ContinuousClock.Instant
    ) async throws -> Result<[Rows], PostgresError> {
        var rows: [Rows] = []
        rows.reserveCapacity(steps.count)
        var failure: PostgresError?
        for index in steps.indices {
            if case .prepare(let name) = steps[index].plan {
                let prepared = try await answer(of: index, in: steps, deadline: deadline, &failure)
                if prepared != nil { cache.prepared(steps[index].key, as: name) }
            }
            if let result = try await answer(of: index, in: steps, deadline: deadline, &failure) {
                rows.append(Rows(result: result))
            }
        }
        guard let sync = try await link.result(deadline: deadline), sync.status == PGRES_PIPELINE_SYNC else {
            throw PostgresError(.connection, "the server did not end the pipeline")
        }
        if let failure { return .failure(failure) }
        return .success(rows)
    }

    /// The result of one message. Nil if it failed, or was not executed because an earlier one failed.
    private func answer(
        of index: Int, in steps: [Step], deadline: ContinuousClock.Instant, _ failure: inout PostgresError?
    ) async throws -> PostgresResult? {
        var answer: PostgresResult?
        while let result = try await link.result(deadline: deadline) {
            switch result.status {
            case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE:
                var error = result.error(statement: steps[index].key.text)
                error.statementIndex = index
                if link.isLost { throw error }
                failure = failure ?? error
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                throw PostgresError(.invalidArgument, "COPY cannot be part of a pipeline")
            case PGRES_PIPELINE_ABORTED:
                break
            default:
                answer = result
            }
        }
        return answer
    }
}

import CPostgres

/// A running `COPY ... TO STDOUT`. It uses the connection until `next` has returned nil or `stop` was called.
/// Rows stay in the server until they are read.
// SAFETY: loop-confined like its connection, which it uses for everything.
package final class CopyOut: @unchecked Sendable {
    private let connection: PostgresConnection
    private let statement: String
    private let deadline: ContinuousClock.Instant?
    private var isOpen = true
    /// All rows are read. libpq must not be asked for another.
    private var isComplete = false

    init(_ connection: PostgresConnection, statement: String, deadline: ContinuousClock.Instant?) {
        self.connection = connection
        self.statement = statement
        self.deadline = deadline
    }

    private var nextDeadline: ContinuousClock.Instant { deadline ?? .now + connection.answerTimeout }

    /// Whole rows, about `PostgresLimits.copyChunkBytes` at a time. Nil after the last row.
    package func next() async throws -> [UInt8]? {
        guard isOpen else { return nil }
        do {
            return try await read()
        } catch let error as PostgresError where error.code == .server {
            end()
            throw error
        } catch {
            await stop()
            throw error
        }
    }

    /// Drops the rest. Not cancellable.
    package func stop() async {
        guard isOpen else { return }
        await connection.recover()
        end()
    }

    private func read() async throws -> [UInt8]? {
        let link = connection.link
        var chunk: [UInt8] = []
        while !isComplete, chunk.count < PostgresLimits.copyChunkBytes {
            guard let hasRow = try link.takeCopyRow(into: &chunk) else {
                isComplete = true
                break
            }
            if hasRow { continue }
            if !chunk.isEmpty, !link.hasInput { return chunk }
            try await link.wait(for: .readable, deadline: nextDeadline)
            try link.consumeInput()
        }
        if !chunk.isEmpty { return chunk }
        _ = try await connection.collect(statement: statement, deadline: nextDeadline)
        end()
        return nil
    }

    private func end() {
        guard isOpen else { return }
        isOpen = false
        connection.end()
    }
}

extension PostgresConnection {
    /// Starts `COPY (select ...) TO STDOUT WITH (FORMAT csv)`.
    package func copyOut(_ sql: SQL, deadline: ContinuousClock.Instant? = nil) async throws -> CopyOut {
        try await startCopy(sql, expecting: PGRES_COPY_OUT, deadline: deadline)
        return CopyOut(self, statement: sql.text, deadline: deadline)
    }
}

import Cryptography
import FoundationEssentials
import Organizations
import Postgres

/// A run of a shared query on a connection that logs in as the tenant's reader.
///
/// The reader's rights are the protection: it reads one schema, whatever the statement does to the session.
/// The statement is a cursor's, so it reads and is one; the transaction is read-only and never committed.
struct SharedQueryRun {
    /// The outcome of a run.
    enum Outcome: Equatable {
        case rows(SharedQueryResult)
        /// In words for an operator; may have values of rows.
        case failed(String)
    }

    let query: SharedQuery
    let login: ReaderLogin
    /// The tenant's.
    let schema: String
    /// The cell.
    let database: PostgresConfiguration

    func run() async throws -> Outcome {
        var configuration = database
        configuration.user = login.role
        configuration.password = login.password.revealText()
        configuration.applicationName = "multiconnect shared query"
        configuration.statementTimeout = .seconds(query.settings.seconds)
        configuration.idleInTransactionTimeout = .seconds(query.settings.seconds)
        let connection: PostgresConnection
        do {
            connection = try await PostgresConnection.connect(
                configuration, deadline: .now + SharedQueryLimits.login)
        } catch let error as PostgresError where error.isLoginRefusal {
            return .failed("the reader cannot log in: make it again with organizations grant-reader")
        } catch let error as PostgresError where error.sqlState == "53300" {
            return .failed("the reader has too many sessions: try again")
        }
        defer { connection.close() }
        // A wrong setting must not give the statement more rights.
        if let excess = try await ReaderRightsStore(schema: schema).excess(on: connection) {
            return .failed("the reader has more rights than to read the tenant's schema: \(excess)")
        }
        do {
            return .rows(try await rows(on: connection))
        } catch let error as PostgresError where error.code == .timedOut || error.sqlState == .queryCancelled
        {
            return .failed("the query took longer than \(query.settings.seconds) s")
        } catch let error as PostgresError where error.sqlState != nil {
            let place = error.position.map { " at character \(max(1, $0 - Self.declaration.count))" } ?? ""
            return .failed(error.message + place)
        }
    }

    private static let declaration = "declare shared_query no scroll cursor for "

    private func rows(on connection: PostgresConnection) async throws -> SharedQueryResult {
        let deadline = ContinuousClock.now + .seconds(query.settings.seconds)
        var statement = Substring(query.settings.statement)
        while let last = statement.last, last.isWhitespace || last == ";" { statement.removeLast() }
        var (columns, rows, isCut, bytes) = ([String](), [[String?]](), false, 0)
        // Fixes the transaction's snapshot, and with it that the transaction is read-only.
        try await connection.script("begin isolation level repeatable read read only")
        _ = try await connection.query("select 1", deadline: deadline)
        // Sent with the extended protocol, which takes one statement only.
        try await connection.execute(SQL(raw: Self.declaration + String(statement)), deadline: deadline)
        repeat {
            let count = min(SharedQueryLimits.fetchedRows, query.settings.rows + 1 - rows.count)
            let page = try await connection.query(
                SQL(raw: "fetch \(count) from shared_query"), deadline: deadline)
            columns = page.columnNames
            for row in page {
                let values = try columns.indices.map { try row[$0, as: String?.self] }
                bytes += values.reduce(values.count * 4) { $0 + ($1?.utf8.count ?? 0) }
                isCut = rows.count == query.settings.rows || bytes > SharedQueryLimits.resultBytes
                guard !isCut else { break }
                rows.append(values)
            }
            if page.count < count { break }
        } while !isCut
        return SharedQueryResult(
            columns: columns, rows: rows, isCut: isCut, at: Date(), version: query.version)
    }
}

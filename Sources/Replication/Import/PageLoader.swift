internal import FoundationEssentials
internal import Postgres
internal import Salesforce

/// Loads pages of one import: each is one transaction that holds its rows and the note that they are there.
///
/// Killed at any point, the page is either there or not; nothing is loaded twice or left out.
struct PageLoader: Sendable {
    let pool: PostgresPool
    let mapping: Mapping
    let record: ImportRecord
    let plan: ImportPlan
    let pages = ImportPageStore()
    let quarantine = QuarantineStore()

    /// Bytes of a page as they arrive: gives the next piece, nil at the end. Asking slowly slows the sender.
    typealias Source = () async throws -> [UInt8]?

    /// How a page goes into the table.
    enum Way: Sendable {
        /// COPY takes it as it is.
        case direct
        /// Through a staging table of text, with tolerant casts; what still does not fit is quarantined.
        case staged
    }

    /// Loads one page and returns it; nil if it was loaded before.
    ///
    /// - Parameter rows: how many the page must have, if that is known. Throws `.incompletePage` otherwise.
    func load(
        _ locator: String, next: String?, rows: Int?, way: Way, from source: Source
    ) async throws -> LoadedPage? {
        let deadline = ContinuousClock.now + ReplicationLimits.pageDeadline
        return try await pool.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            // The engine's mark: its own writes are not captured, and rows become SYNCED.
            // A page lasts as long as the line is slow, whatever limit statements have otherwise.
            try await connection.script("set local xmlbinary = 'hex'; set local statement_timeout = 0")
            guard try await pages.claim(locator, of: record.id, on: connection) else { return nil }
            var page = LoadedPage(locator: locator, next: next, rows: 0)
            switch way {
            case .direct:
                page.rows = try await copy(
                    plan.copyStatement, way, from: source, &page, on: connection)
            case .staged:
                try await connection.execute(SQL(raw: plan.stagingStatement))
                page.rows = try await copy(
                    plan.stagingCopyStatement, way, from: source, &page, on: connection)
                page.quarantined = try await quarantine.move(
                    plan, locator: locator, of: record, mapping: mapping, on: connection,
                    deadline: deadline)
            }
            if let rows, rows != page.rows {
                throw ReplicationError(
                    .incompletePage, "\(page.rows) rows arrived, the page has \(rows)")
            }
            page.rows -= page.quarantined
            try await pages.record(page, of: record.id, on: connection)
            return page
        }
    }

    private func copy(
        _ statement: String, _ way: Way, from source: Source, _ page: inout LoadedPage,
        on connection: PostgresConnection
    ) async throws -> Int {
        var header = HeaderCheck(expected: plan.sources)
        var filter = NULFilter()
        var repair: UTF8Repair? = way == .staged ? UTF8Repair() : nil
        let rows = try await connection.copyIn(SQL(raw: statement)) { copy in
            while let chunk = try await source() {
                var clean = filter.filter(chunk)
                if repair != nil { clean = repair?.repair(clean) ?? clean }
                try header.check(clean)
                try await copy.write(clean)
            }
            if let rest = repair?.finish() { try await copy.write(rest) }
            try header.finish()
        }
        page.bytesRepaired = filter.removed
        return rows
    }

    /// Whether an error says that the page's data do not fit the table, so that loading it again the same way is
    /// no use.
    static func isRefusal(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError, error.code == .server, let state = error.sqlState else {
            return false
        }
        return ["22", "23", "54", "P0"].contains(state.classCode)
    }

    /// Whether another try of the same page may succeed.
    static func isTransient(_ error: any Error) -> Bool {
        switch error {
        case let error as SalesforceError: error.isTransient
        case let error as ReplicationError: error.code == .incompletePage
        case let error as PostgresError:
            [.connection, .commitInDoubt, .poolExhausted].contains(error.code)
                || error.sqlState?.isTransient == true
                // A page that broke off within quotes, say; staging does not take it either.
                || error.sqlState == .badCopyFileFormat
        default: false
        }
    }
}

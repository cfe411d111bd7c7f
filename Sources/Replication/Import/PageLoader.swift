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
    let staging = StagingStore()
    let quarantine = QuarantineStore()

    /// Bytes of a page as they arrive: gives the next piece, nil at the end. Asking slowly slows the sender.
    typealias Source = () async throws -> [UInt8]?

    /// How a page goes into the table.
    enum Way: Sendable {
        /// COPY takes it as it is.
        case direct
        /// Through a staging table, with tolerant casts, into a table that is widened where values need it.
        case staged
    }

    /// Loads one page and returns it; nil if it was loaded before.
    ///
    /// - Parameter rows: how many the page must have, if that is known. Throws `.incompletePage` otherwise.
    func load(
        _ locator: String, next: String?, rows: Int?, way: Way, from source: Source
    ) async throws -> LoadedPage? {
        let deadline = ContinuousClock.now + ReplicationLimits.pageDeadline
        let page = LoadedPage(locator: locator, next: next, rows: 0)
        return try await pool.withConnection(deadline: .now + ReplicationLimits.connectionWait) {
            connection in
            switch way {
            case .direct:
                return try await commit(page, on: connection) { page, connection in
                    page.rows = try await copy(plan.copyStatement, way, from: source, &page, on: connection)
                    try check(page, rows)
                }
            case .staged:
                guard try await pages.next(after: locator, of: record.id, on: connection) == nil else {
                    return nil
                }
                var page = page
                try await stage(&page, from: source, on: connection)
                try check(page, rows)
                return try await move(page, on: connection, until: deadline)
            }
        }
    }

    /// A page lasts as long as the line is slow, but not longer than Salesforce sends it.
    private static let pageTimeout =
        "set local statement_timeout = '\(ReplicationLimits.pageDeadline.milliseconds)ms'"

    /// One transaction with a page's rows and the note that they are there; nil if they were there before.
    private func commit(
        _ page: LoadedPage, on connection: PostgresConnection,
        _ fill: (inout LoadedPage, PostgresConnection) async throws -> Void
    ) async throws -> LoadedPage? {
        try await connection.transaction { connection in
            // The engine's mark: its own writes are not captured, and rows become SYNCED.
            try await connection.script("set local xmlbinary = 'hex'; \(Self.pageTimeout)")
            guard try await pages.claim(page.locator, of: record, on: connection) else { return nil }
            var page = page
            try await fill(&page, connection)
            try await pages.record(page, of: record.id, on: connection)
            return page
        }
    }

    private func check(_ page: LoadedPage, _ rows: Int?) throws(ReplicationError) {
        guard let rows, rows != page.rows else { return }
        throw ReplicationError(.incompletePage, "\(page.rows) rows arrived, the page has \(rows)")
    }

    /// Loads a page into the staging table, with a transaction of its own: the tenant's table is locked neither while
    /// the page arrives nor while it is widened.
    private func stage(
        _ page: inout LoadedPage, from source: Source, on connection: PostgresConnection
    ) async throws {
        var staged = page
        try await connection.transaction { connection in
            try await connection.script(Self.pageTimeout)
            try await staging.create(on: connection)
            staged.rows = try await copy(
                StagingStore.copyStatement, .staged, from: source, &staged, on: connection)
        }
        page = staged
    }

    /// Widens the table for the staged page and moves it there.
    private func move(
        _ page: LoadedPage, on connection: PostgresConnection, until deadline: ContinuousClock.Instant
    ) async throws -> LoadedPage? {
        let repairs = try await connection.transaction { connection in
            try await connection.script(Self.pageTimeout)
            let shape = try await TableShape(of: plan, on: connection)
            let measures = try await staging.measures(plan, shape, on: connection, deadline: deadline)
            return TableRepair.needed(by: measures, plan, shape)
        }
        for repair in repairs {
            try await repair.apply(to: plan, of: record, on: connection, until: deadline)
        }
        var relaxable = plan.indexes.filter(\.isUnique)
        while true {
            let types = try await TableShape(of: plan, on: connection).types
            do {
                return try await commit(page, on: connection) { page, connection in
                    let source = QuarantineStore.Page(
                        plan: plan, types: types, relaxable: relaxable, locator: page.locator,
                        record: record, mapping: mapping)
                    page.quarantined = try await quarantine.move(source, on: connection, deadline: deadline)
                    page.rows -= page.quarantined
                    try await staging.drop(on: connection)
                }
            } catch let error as PostgresError {
                guard error.isUniqueViolation,
                    let place = relaxable.firstIndex(where: { $0.name == error.constraint })
                else { throw error }
                // Once: where the database does not allow it, the rows are quarantined.
                try await TableRepair.relax(relaxable.remove(at: place)).apply(
                    to: plan, of: record, on: connection, until: deadline)
            }
        }
    }

    private func copy(
        _ statement: String, _ way: Way, from source: Source, _ page: inout LoadedPage,
        on connection: PostgresConnection
    ) async throws -> Int {
        var header = HeaderCheck(expected: plan.sources)
        var filter = NULFilter()
        var repair = UTF8Repair()
        var packer = RowPacker(columns: plan.columns)
        let rows = try await connection.copyIn(SQL(raw: statement)) { copy in
            while let chunk = try await source() {
                let clean = filter.filter(chunk)
                try header.check(clean)
                switch way {
                case .direct: try await copy.write(clean)
                case .staged: try await copy.write(try packer.pack(repair.repair(clean)))
                }
            }
            try header.finish()
            guard way == .staged else { return }
            try await copy.write(try packer.pack(repair.finish()) + packer.finish())
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

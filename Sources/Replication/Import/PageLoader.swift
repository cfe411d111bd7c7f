internal import FoundationEssentials
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Loads pages of one import. Each page is one transaction with its rows and its row in `import_pages`, so
/// that after a crash no page is loaded twice and no page is skipped.
struct PageLoader: Sendable {
    let pool: PostgresPool
    let mapping: Mapping
    let record: ImportRecord
    let plan: ImportPlan
    /// Merges the rows of a reload. Nil for an import.
    var merger: PageMerger?
    /// Called with the number of rows after a page is loaded.
    var onLoaded: @Sendable (Int) -> Void = { _ in }
    let pages = ImportPageStore()
    let staging = StagingStore()
    let quarantine = QuarantineStore()

    /// Loads one page and returns it. Nil if it was loaded before.
    ///
    /// - Parameter rows: the number of rows of the page, if known. Throws `.incompletePage` for another
    ///   number.
    func load(
        _ locator: String, next: String?, rows: Int?, method: PageCopy.Method, from source: PageCopy.Source
    ) async throws -> LoadedPage? {
        let page = try await page(locator, next: next, rows: rows, method: method, from: source)
        if let page { onLoaded(page.rows) }
        return page
    }

    private func page(
        _ locator: String, next: String?, rows: Int?, method: PageCopy.Method, from source: PageCopy.Source
    ) async throws -> LoadedPage? {
        let deadline = ContinuousClock.now + ReplicationLimits.pageDeadline
        let page = LoadedPage(locator: locator, next: next, rows: 0)
        if let merger { return try await merge(page, with: merger, rows, method, from: source) }
        return try await pool.withCellConnection { connection in
            switch method {
            case .direct, .tolerant:
                return try await commit(page, on: connection) { page, connection in
                    try await copy(plan.copyStatement, method, from: source, &page, on: connection)
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

    /// A slow line may take as long as Salesforce sends a page.
    private static let pageTimeout =
        "set local statement_timeout = '\(ReplicationLimits.pageDeadline.milliseconds)ms'"

    /// One transaction with a page's rows and its row in `import_pages`. Nil if the page was loaded before.
    private func commit(
        _ page: LoadedPage, on connection: PostgresConnection,
        _ fill: (inout LoadedPage, PostgresConnection) async throws -> Void
    ) async throws -> LoadedPage? {
        try await connection.transaction { connection in
            // Marks the engine's session: its writes are not captured, and rows become SYNCED.
            try await connection.script("set local xmlbinary = 'hex'; \(Self.pageTimeout)")
            guard try await pages.claim(page.locator, of: record, on: connection) else { return nil }
            var page = page
            try await fill(&page, connection)
            try await pages.record(page, of: record.id, on: connection)
            return page
        }
    }

    /// Merges a page of a reload. If that ends early, merging the page again does no harm.
    private func merge(
        _ page: LoadedPage, with merger: PageMerger, _ rows: Int?, _ method: PageCopy.Method,
        from source: PageCopy.Source
    ) async throws -> LoadedPage? {
        let known = try await pool.withCellConnection {
            try await pages.next(after: page.locator, of: record.id, on: $0)
        }
        guard known == nil else { return nil }
        let read = PageMerger.Read(id: record.id, startedAt: record.timeMark, sources: plan.sources)
        let counts = try await merger.merge(
            read, rows: rows, staging: method == .staged ? .repaired : .direct, reload: record.id,
            fence: { try await ImportStore().hold(record, on: $0) }, from: source)
        return try await pool.withCellConnection { connection in
            try await commit(page, on: connection) { page, connection in
                page.rows = counts.arrived
                guard try await ReloadStore().renewRead(record.id, on: connection) else {
                    throw ReplicationError(.claimLost, "the running read of the reload is lost")
                }
            }
        }
    }

    private func check(_ page: LoadedPage, _ rows: Int?) throws(ReplicationError) {
        guard let rows, rows != page.rows else { return }
        throw ReplicationError(.incompletePage, "\(page.rows) rows arrived, but the page has \(rows)")
    }

    private func copy(
        _ statement: String, _ method: PageCopy.Method, from source: PageCopy.Source,
        _ page: inout LoadedPage, on connection: PostgresConnection
    ) async throws {
        let result = try await PageCopy(
            sources: plan.sources, columns: plan.columns, method: method,
            isWhole: plan.types.map { $0 == .integer || $0 == .bigint }
        ).run(statement, from: source, on: connection)
        page.rows = result.rows
        page.bytesRepaired = result.bytesRepaired
    }

    /// Loads a page into the staging table in a transaction of its own, so that the tenant's table is not
    /// locked while the page arrives or the table is widened.
    private func stage(
        _ page: inout LoadedPage, from source: PageCopy.Source, on connection: PostgresConnection
    ) async throws {
        var staged = page
        try await connection.transaction { connection in
            try await connection.script(Self.pageTimeout)
            try await staging.create(on: connection)
            try await copy(StagingStore.copyStatement, .staged, from: source, &staged, on: connection)
        }
        page = staged
    }

    /// Repairs the table for the staged page and moves the rows there.
    private func move(
        _ page: LoadedPage, on connection: PostgresConnection, until deadline: ContinuousClock.Instant
    ) async throws -> LoadedPage? {
        let repairs = try await connection.transaction { connection in
            try await connection.script(Self.pageTimeout)
            let shape = try await TableShape(of: plan, on: connection)
            let measures = try await staging.measures(plan, shape, on: connection, deadline: deadline)
            return TableRepair.needed(by: measures, plan, shape)
        }
        for repair in repairs { try await apply(repair, on: connection, until: deadline) }
        var relaxable = plan.indexes.filter(\.isUnique)
        var checksDeferred = false
        while true {
            let types = try await TableShape(of: plan, on: connection).types
            do {
                return try await commit(page, on: connection) { page, connection in
                    let staged = QuarantineStore.Page(
                        plan: plan, types: types, relaxable: relaxable, locator: page.locator,
                        importID: record.id, mapping: mapping, checksDeferred: checksDeferred)
                    let refused = try await quarantine.move(staged, on: connection, deadline: deadline)
                    page.quarantined = refused.rows
                    page.nulledCells = refused.cells
                    page.rows -= refused.rows
                    try await staging.drop(on: connection)
                }
            } catch let error as PostgresError {
                if error.isUniqueViolation,
                    let place = relaxable.firstIndex(where: { $0.name == error.constraint })
                {
                    // Once per index: if the database refuses it, the rows are quarantined.
                    try await apply(.relax(relaxable.remove(at: place)), on: connection, until: deadline)
                } else if error.isRefusal, !checksDeferred {
                    // The rows themselves are isolated, so a deferred constraint refused the commit.
                    checksDeferred = true
                } else {
                    throw error
                }
            }
        }
    }

    /// Repairs the table. Throws `.claimLost` if another start holds the import.
    func apply(
        _ repair: TableRepair, on connection: PostgresConnection, until deadline: ContinuousClock.Instant
    ) async throws {
        try await repair.apply(to: plan, on: connection, until: deadline) {
            try await ImportStore().hold(record, on: $0)
        }
    }

    /// True if the page's data do not fit the table: loading the page again in the same way would fail again.
    static func isRefusal(_ error: any Error) -> Bool {
        (error as? PostgresError)?.isRefusal == true
    }

    /// How to load a page that was refused.
    func method(afterRefusalOf method: PageCopy.Method, _ error: any Error) -> PageCopy.Method {
        // A merge takes a page through a temporary table in any case.
        guard method == .direct, merger == nil, let state = (error as? PostgresError)?.sqlState else {
            return .staged
        }
        // Another spelling of a number, or invalid bytes. Other errors need a wider column or a null cell.
        return [.invalidTextRepresentation, .characterNotInRepertoire].contains(state) ? .tolerant : .staged
    }

    /// True if another try of the same page may succeed.
    static func isTransient(_ error: any Error) -> Bool {
        switch error {
        case let error as SalesforceError: error.isTransient
        case let error as ReplicationError: error.code == .incompletePage
        case let error as PostgresError:
            [.connection, .commitInDoubt, .poolExhausted].contains(error.code)
                || error.sqlState?.isTransient == true
                // For example a page that ended inside a quoted cell. Staging does not take it either.
                || error.sqlState == .badCopyFileFormat
        default: false
        }
    }
}

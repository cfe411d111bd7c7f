internal import Postgres
internal import Reactor
internal import Salesforce
internal import TenantSchema

/// Loads a small object by a query. All its pages are one page of the import.
struct RESTImport: Sendable {
    let rest: RESTClient
    let loader: PageLoader
    let gate: AsyncSemaphore

    /// The name of the only page.
    private static let locator = ""

    /// Loads the object unless it is loaded. Returns the number of rows in Salesforce.
    func run() async throws -> Int {
        if let rows = try await loadedRows() { return rows }
        return try await gate.withPermit(of: "\(loader.record.id)") {
            do {
                return try await load(.direct)
            } catch  where PageLoader.isRefusal(error) {
                return try await load(.staged)
            }
        }
    }

    /// The number of rows that an earlier start loaded, in one transaction. Nil if none did.
    private func loadedRows() async throws -> Int? {
        try await loader.pool.withCellConnection { connection in
            guard
                try await loader.pages.next(after: Self.locator, of: loader.record.id, on: connection) != nil
            else { return nil }
            let progress = try await ImportStore().progress(of: loader.record.id, on: connection)
            return progress.rows + progress.quarantined
        }
    }

    private func load(_ method: PageCopy.Method) async throws -> Int {
        let soql = try loader.plan.soql()
        let first = try await rest.query(soql)
        var page: QueryPage? = first
        var rows = RESTRows(sources: loader.plan.sources)
        var isHeaderSent = false
        _ = try await loader.load(Self.locator, next: nil, rows: first.totalSize, method: method) {
            guard isHeaderSent else {
                isHeaderSent = true
                return rows.header
            }
            guard let current = page else { return nil }
            var bytes: [UInt8] = []
            for record in current.records { bytes += try rows.line(record) }
            page = nil
            if let next = current.next { page = try await rest.page(after: next) }
            return bytes
        }
        return first.totalSize
    }
}

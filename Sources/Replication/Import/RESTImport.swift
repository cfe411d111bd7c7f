internal import Postgres
internal import Reactor
internal import Salesforce

/// Loads a small object by a query: its pages together are one page of the import.
struct RESTImport: Sendable {
    let rest: RESTClient
    let loader: PageLoader
    let gate: AsyncSemaphore

    /// The name of the only page.
    private static let locator = ""

    /// Loads the object unless it is loaded. Returns how many rows Salesforce had.
    func run() async throws -> Int {
        if let rows = try await loadedRows() { return rows }
        return try await gate.withPermit {
            do {
                return try await load(.direct)
            } catch  where PageLoader.isRefusal(error) {
                return try await load(.staged)
            }
        }
    }

    /// How many rows a former start has loaded: all of them, for they are one transaction. Nil if none has.
    private func loadedRows() async throws -> Int? {
        try await loader.pool.patiently { connection in
            guard
                try await loader.pages.next(after: Self.locator, of: loader.record.id, on: connection) != nil
            else { return nil }
            let progress = try await ImportStore().progress(of: loader.record.id, on: connection)
            return progress.rows + progress.quarantined
        }
    }

    private func load(_ way: PageLoader.Way) async throws -> Int {
        let soql = try loader.plan.soql()
        let first = try await rest.query(soql)
        var page: QueryPage? = first
        var rows = RESTRows(sources: loader.plan.sources)
        var isHeaderSent = false
        _ = try await loader.load(Self.locator, next: nil, rows: first.totalSize, way: way) {
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

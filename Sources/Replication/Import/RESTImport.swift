internal import Postgres
internal import Salesforce

/// Loads a small object by a query: its pages together are one page of the import.
struct RESTImport: Sendable {
    let rest: RESTClient
    let loader: PageLoader
    let gate: PageGate

    /// The name of the only page.
    private static let locator = ""

    /// Loads the object unless it is loaded. Returns how many rows Salesforce had.
    func run() async throws -> Int {
        try await gate.withPage {
            do {
                return try await load(.direct)
            } catch  where PageLoader.isRefusal(error) {
                return try await load(.staged)
            }
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

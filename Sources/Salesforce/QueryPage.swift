package import Encoding

/// Up to 2,000 rows of a query.
package struct QueryPage: Sendable {
    /// Rows of all pages together.
    package let totalSize: Int
    /// Objects with `attributes` and the selected fields.
    package let records: [JSONValue]
    /// Where the next page is, good for two days; nil on the last.
    package let next: String?

    /// Reads the answer of `/query`. Throws `.malformedResponse`.
    package init(parsing body: [UInt8]) throws(SalesforceError) {
        let answer = try JSONValue(answer: body)
        guard let totalSize = answer["totalSize"]?.int, let done = answer["done"]?.bool,
            let records = answer["records"]?.array
        else { throw SalesforceError(.malformedResponse, message: "not a page of a query") }
        let next = answer["nextRecordsUrl"]?.string
        guard done == (next == nil), next?.hasPrefix("/services/data/") ?? true else {
            throw SalesforceError(.malformedResponse, message: "a page of a query without its next one")
        }
        self.totalSize = totalSize
        self.records = records
        self.next = next
    }
}

extension RESTClient {
    /// Whether a query sees deleted and archived rows.
    package enum QueryScope: Sendable {
        case live
        case withDeleted
    }

    /// Whether a query can be sent: it is part of an address, which Salesforce bounds. About 400 fields fit.
    package static func canQuery(_ query: SOQL) -> Bool {
        guard query.text.utf8.count <= SalesforceLimits.soqlCharacters else { return false }
        return PercentCoding.form([("q", query.text)]).utf8.count <= SalesforceLimits.queryAddressBytes
    }

    /// The first page.
    package func query(_ query: SOQL, scope: QueryScope = .live) async throws -> QueryPage {
        guard query.text.utf8.count <= SalesforceLimits.soqlCharacters else {
            throw SalesforceError(.malformedQuery, message: "the query is longer than Salesforce allows")
        }
        var call = Call(path: path(scope == .live ? "query" : "queryAll"))
        call.query = [("q", query.text)]
        return try await page(call)
    }

    /// The page that `QueryPage.next` names.
    package func page(after next: String) async throws -> QueryPage {
        try await page(Call(path: next))
    }

    /// All pages, one after the other; the next is asked for when `body` is done with the one before.
    package func forEachPage(
        of query: SOQL, scope: QueryScope = .live, _ body: (QueryPage) async throws -> Void
    ) async throws {
        var page = try await self.query(query, scope: scope)
        while true {
            try await body(page)
            guard let next = page.next else { return }
            page = try await self.page(after: next)
        }
    }

    private func page(_ call: Call) async throws -> QueryPage {
        var call = call
        call.maximumBytes = SalesforceLimits.queryPageBytes
        call.deadline = SalesforceLimits.queryDeadline
        return try QueryPage(parsing: try await perform(call).body)
    }
}

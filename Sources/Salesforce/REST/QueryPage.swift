package import Encoding
package import FoundationEssentials

/// A page of up to 2,000 rows of a query.
package struct QueryPage: Sendable {
    /// Rows of all pages.
    package let totalSize: Int
    /// JSON objects with `attributes` and the selected fields.
    package let records: [JSONValue]
    /// The path of the next page, valid for two days; nil on the last page.
    package let next: String?

    /// Salesforce's clock when it answered, in whole seconds. Nil if the answer does not say.
    package internal(set) var answeredAt: Date?

    /// Parses an answer of `/query`. Throws `.malformedResponse`.
    package init(parsing body: [UInt8]) throws(SalesforceError) {
        let answer = try JSONValue(answer: body)
        guard let totalSize = answer["totalSize"]?.int, let done = answer["done"]?.bool,
            let records = answer["records"]?.array
        else { throw SalesforceError(.malformedResponse, message: "the answer is not a page of a query") }
        let next = answer["nextRecordsUrl"]?.string
        guard done == (next == nil), next?.hasPrefix("/services/data/") ?? true else {
            throw SalesforceError(
                .malformedResponse, message: "an incomplete query page has no nextRecordsUrl")
        }
        self.totalSize = totalSize
        self.records = records
        self.next = next
    }
}

extension RESTClient {
    /// Whether a query is short enough to be sent in an address. About 400 fields fit.
    package static func canQuery(_ query: SOQL) -> Bool {
        guard query.text.utf8.count <= SalesforceLimits.soqlCharacters else { return false }
        return PercentCoding.form([("q", query.text)]).utf8.count <= SalesforceLimits.queryAddressBytes
    }

    /// The first page.
    ///
    /// - Parameter isAll: also returns records in the recycle bin and archived ones (`queryAll`).
    package func query(_ query: SOQL, isAll: Bool = false) async throws -> QueryPage {
        guard query.text.utf8.count <= SalesforceLimits.soqlCharacters else {
            throw SalesforceError(
                .malformedQuery,
                message:
                    "the query has \(query.text.utf8.count) bytes, Salesforce allows "
                    + "\(SalesforceLimits.soqlCharacters)"
            )
        }
        var call = APICall(path: path(isAll ? "queryAll" : "query"))
        call.query = [("q", query.text)]
        return try await page(call)
    }

    /// The page at `QueryPage.next`.
    package func page(after next: String) async throws -> QueryPage {
        try await page(APICall(path: next))
    }

    /// Reads all pages in order; requests the next page when `body` has returned.
    package func forEachPage(
        of query: SOQL, isAll: Bool = false, _ body: (QueryPage) async throws -> Void
    ) async throws {
        var page = try await self.query(query, isAll: isAll)
        while true {
            try await body(page)
            guard let next = page.next else { return }
            page = try await self.page(after: next)
        }
    }

    private func page(_ call: APICall) async throws -> QueryPage {
        var call = call
        call.maximumBytes = SalesforceLimits.queryPageBytes
        call.deadline = SalesforceLimits.queryDeadline
        let answer = try await perform(call)
        var page = try QueryPage(parsing: answer.body)
        page.answeredAt = answer.modified.flatMap(InternetDate.secondsSince1970(http:))
            .map { Date(timeIntervalSince1970: Double($0)) }
        return page
    }
}

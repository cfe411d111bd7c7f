internal import Encoding

/// Result pages of a Bulk job that can be read in parallel.
package struct ResultPages: Sendable, Equatable {
    /// Up to five locators; nil is the first page, which has no locator.
    package let locators: [String?]
    /// The path of the next list; nil at the end.
    package let next: String?

    /// Parses an answer of `/resultPages`. Throws `.malformedResponse`.
    package init(parsing body: [UInt8]) throws(SalesforceError) {
        let answer = try JSONValue(answer: body)
        guard let pages = answer["resultPages"]?.array, let done = answer["done"]?.bool else {
            throw SalesforceError(.malformedResponse, message: "not a list of result pages")
        }
        var locators: [String?] = []
        for page in pages {
            guard let url = page["resultUrl"]?.string else {
                throw SalesforceError(.malformedResponse, message: "a result page has no resultUrl")
            }
            locators.append(Self.locator(in: url))
        }
        let next = answer["nextRecordsUrl"]?.string
        guard done || next?.hasPrefix("/services/data/") == true else {
            throw SalesforceError(
                .malformedResponse, message: "an incomplete list of result pages has no nextRecordsUrl")
        }
        self.locators = locators
        self.next = done ? nil : next
    }

    /// Locators are opaque. They are percent-encoded in addresses, and plain in the header `Sforce-Locator`.
    static func locator(in url: String) -> String? {
        guard let query = url.split(separator: "?", maxSplits: 1).dropFirst().first else { return nil }
        for pair in query.split(separator: "&") where pair.hasPrefix("locator=") {
            let text = pair.dropFirst("locator=".count)
            let value = PercentCoding.decode(text) ?? String(text)
            return value.isEmpty ? nil : value
        }
        return nil
    }
}

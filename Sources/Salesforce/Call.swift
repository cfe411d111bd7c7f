internal import Encoding

/// One request to an org, before a token and an address are known.
struct Call: Sendable {
    var method = "GET"
    /// Path from the origin, as `/services/data/v60.0/limits`.
    var path: String
    var query: [(String, String)] = []
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var maximumBytes = SalesforceLimits.smallBodyBytes
    var deadline = SalesforceLimits.callDeadline
    var acceptsGzip = true
    var repetition = RetryRule.Repetition.harmless

    /// What errors and logs name: no query, which may hold data.
    var name: String { "\(method) \(path)" }

    func url(at origin: Origin) throws(SalesforceError) -> String {
        guard path.hasPrefix("/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }) else {
            throw SalesforceError(.malformedResponse, message: "not a path", call: name)
        }
        let separator = path.contains("?") ? "&" : "?"
        let url = "\(origin)\(path)" + (query.isEmpty ? "" : separator + PercentCoding.form(query))
        // Headers count too; the longest of ours, a token, stays below 2 KB.
        guard url.utf8.count <= SalesforceLimits.urlBytes - 4_096 else {
            throw SalesforceError(.tooLarge, message: "the address is too long for Salesforce", call: name)
        }
        return url
    }
}

/// The answer to a call that was carried out: any status below 300, or 404 and the like as the caller wishes.
struct Answer: Sendable {
    let status: Int
    let body: [UInt8]
}

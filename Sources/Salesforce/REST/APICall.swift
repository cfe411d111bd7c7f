internal import Encoding

/// A request to an org, before token and origin are known.
struct APICall: Sendable {
    var method = "GET"
    /// Path from the origin, for example `/services/data/v60.0/limits`.
    var path: String
    var query: [(String, String)] = []
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var maximumBytes = SalesforceLimits.smallBodyBytes
    var deadline = SalesforceLimits.callDeadline
    /// The longest silence of the server.
    var idleTimeout = SalesforceLimits.idleTimeout
    var acceptsGzip = true
    /// The value of `If-Modified-Since`; with it the status 304 is an answer.
    var modifiedSince: String?
    var repetition = CallRetry.Repetition.harmless
    /// The request is not begun later than this: a wait for a token or a connection, or a suspended process,
    /// may have used up the time after which its outcome is looked up.
    var latestStart: ContinuousClock.Instant?
    /// Names the call in the org's change events. Nil: the program's name.
    var clientTag: String?

    /// The name in errors and logs: without the query, which may contain data.
    var name: String { "\(method) \(path)" }

    func url(at origin: Origin) throws(SalesforceError) -> String {
        guard path.hasPrefix("/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }) else {
            throw SalesforceError(.malformedResponse, message: "the path has invalid characters", call: name)
        }
        let separator = path.contains("?") ? "&" : "?"
        let url = "\(origin)\(path)" + (query.isEmpty ? "" : separator + PercentCoding.form(query))
        // Headers count too; our longest, with the token, stays below 2 KB.
        guard url.utf8.count <= SalesforceLimits.urlBytes - 4_096 else {
            throw SalesforceError(
                .tooLarge,
                message: "the address has \(url.utf8.count) bytes, which is too long for Salesforce",
                call: name)
        }
        return url
    }
}

/// The successful answer to a call: a status below 300, or 304 if the call has `modifiedSince`.
struct Answer: Sendable {
    let status: Int
    let body: [UInt8]
    /// `Last-Modified`, else `Date`: the value for the next `modifiedSince`.
    var modified: String?
}

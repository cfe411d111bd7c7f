internal import Reactor

/// The named maxima of this target.
package enum SalesforceLimits {
    /// Enough to read any error that Salesforce words; the rest of a larger body is not ours to keep.
    static let errorBodyBytes = 64 * 1024
    /// A token answer has about 2 KB; an identity about 4.
    static let oauthBodyBytes = 256 * 1024
    /// The largest describes seen (Account with 800 custom fields and picklists) stay under 8 MB.
    static let describeBodyBytes = 32 * 1024 * 1024
    /// A page of a query has at most 2,000 rows; long text areas make them large.
    static let queryPageBytes = 64 * 1024 * 1024
    /// Limits, counts, job states, answers of Apex classes.
    static let smallBodyBytes = 4 * 1024 * 1024
    /// Salesforce refuses longer SOQL (SOQL and SOSL Reference, "SOQL SELECT Syntax").
    package static let soqlCharacters = 100_000
    /// URI and headers together, beyond which Salesforce answers 414 (REST API Developer Guide, "Status
    /// Codes").
    static let urlBytes = 16_384
    /// What of `urlBytes` remains for a query: headers need up to 4 KB, scheme, host and path up to 512 bytes.
    static let queryAddressBytes = urlBytes - 4_096 - 512
    /// Token and identity calls answer within a second; consent waits in a browser for them.
    package static let oauthDeadline = Duration.seconds(20)
    /// A call that reads metadata or small things.
    package static let callDeadline = Duration.seconds(60)
    /// SOQL runs at most 120 s on their side.
    package static let queryDeadline = Duration.seconds(150)
    /// Bulk results may take up to 20 minutes a page (Bulk API 2.0 limits).
    package static let resultsDeadline = Duration.seconds(20 * 60)
    /// A stream of results that pauses longer than this is broken.
    package static let idleTimeout = Duration.seconds(90)
    /// Tries of one call, the first included.
    static let attempts = 3
    /// The longest pause that a call itself makes before another try; longer ones are for the job's retry.
    static let longestPause = Duration.seconds(10)
    /// Pauses between tries of one call.
    static let backoff = Backoff(
        initial: .milliseconds(250), maximum: longestPause, factor: 4, jitter: 0.5)
}

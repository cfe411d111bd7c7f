internal import Reactor

/// The named maxima of this target.
package enum SalesforceLimits {
    /// Enough for any error of Salesforce; the rest of a larger body is ignored.
    static let errorBodyBytes = 64 * 1024
    /// A token answer has about 2 KB, an identity about 4 KB.
    static let oauthBodyBytes = 256 * 1024
    /// A signed request of Canvas has about 5 KB; parameters of the page can make it larger.
    static let canvasBytes = 64 * 1024
    /// A larger time is in milliseconds: seconds reach this number in the year 5138.
    static let latestSecond = 100_000_000_000
    /// The largest describes seen (Account with 800 custom fields and picklists) stay under 8 MB.
    static let describeBodyBytes = 32 * 1024 * 1024
    /// A query page has at most 2,000 rows; long text areas make rows large.
    static let queryPageBytes = 64 * 1024 * 1024
    /// Limits, counts, job states, and answers of Apex classes.
    static let smallBodyBytes = 4 * 1024 * 1024
    /// The longest SOQL that Salesforce accepts (SOQL and SOSL Reference, "SOQL SELECT Syntax").
    package static let soqlCharacters = 100_000
    /// URI and headers together; Salesforce answers 414 to more (REST API Developer Guide, "Status
    /// Codes").
    static let urlBytes = 16_384
    /// The part of `urlBytes` for a query: headers need up to 4 KB, scheme, host and path up to 512 bytes.
    static let queryAddressBytes = urlBytes - 4_096 - 512
    /// Token and identity calls answer within a second, and a browser waits for them during a consent.
    package static let oauthDeadline = Duration.seconds(20)
    /// Calls that read metadata or other small answers.
    package static let callDeadline = Duration.seconds(60)
    /// Salesforce runs SOQL for at most 120 s.
    static let longestQuery = Duration.seconds(120)
    package static let queryDeadline = Duration.seconds(150)
    /// A page of Bulk results may take up to 20 minutes (Bulk API 2.0 limits).
    package static let resultsDeadline = Duration.seconds(20 * 60)
    /// A stream of results that pauses longer is broken.
    package static let idleTimeout = Duration.seconds(90)
    /// Attempts of one call, the first included.
    static let attempts = 3
    /// The longest pause before another attempt of a call; the job's retry handles longer ones.
    static let longestPause = Duration.seconds(10)
    /// Pauses between tries of one call.
    static let backoff = Backoff(
        initial: .milliseconds(250), maximum: longestPause, factor: 4, jitter: 0.5)
    /// Attempts of a call that meets a locked row, and the pauses between them.
    static let lockAttempts = 5
    static let lockBackoff = Backoff(
        initial: .milliseconds(500), maximum: longestPause, factor: 2, jitter: 0.5)
    /// Ids of one read of a collection (REST API Developer Guide, "sObject Collections").
    static let idsPerCollection = 2_000
    /// With fewer ids for each query, two steps are cheaper.
    static let fewestIDsPerQuery = 50

    // Writes.

    /// Records of one write (REST API Developer Guide, "sObject Collections").
    package static let collectionRows = 200
    /// The body of one write. Salesforce accepts 50 MB.
    package static let collectionBodyBytes = 48 << 20
    /// The answer to one write: errors quote values, which may be long texts.
    static let collectionAnswerBytes = 64 << 20
    /// A harmful call is not begun again later than this after its first attempt. This time and the ten
    /// minutes that a request may run in Salesforce must end before an outcome is looked up.
    package static let harmfulRepetitions = Duration.seconds(30)
    /// The data of a Bulk ingest job (Bulk API 2.0 and Bulk API Developer Guide, "Upload Job Data": 150 MB
    /// after base64 encoding).
    package static let ingestBytes = 100_000_000
    /// Salesforce recommends jobs of minutes; an upload at 1 MB/s ends within this time.
    static let uploadDeadline = Duration.seconds(10 * 60)
    /// A cell of CSV, in characters (Bulk API 2.0 and Bulk API Developer Guide, "Limits").
    package static let ingestFieldCharacters = 131_072
    /// A record of CSV, in characters.
    package static let ingestRecordCharacters = 400_000
    /// Pages of the list of ingest jobs that are read to find one job.
    static let ingestListPages = 100
    /// A line of a job's results: a record, with quotes and bytes of UTF-8, and its error.
    static let ingestLineBytes = 8 * ingestRecordCharacters

    // End users' calls.

    /// A page waits for the answer, and proxies give up after 30 s.
    static let forwardedDeadline = Duration.seconds(25)
    /// A page of a query with wide rows.
    static let forwardedBytes = 8 << 20

    // Streams.

    /// How long the server holds a connect if it gives no advice (Streaming API Developer Guide, "Clients and
    /// Timeouts").
    static let streamTimeout = Duration.seconds(110)
    /// The longest such time that a server may ask for.
    static let streamLongestTimeout = Duration.seconds(600)
    /// Time for a response beyond the server's own timeout.
    static let streamMargin = Duration.seconds(20)
    /// Handshake and subscription.
    static let streamCallTimeout = Duration.seconds(30)
    /// The server forgets a client 40 s after a response, so a longer interval would end the session.
    static let streamLongestInterval = Duration.seconds(30)
    /// Salesforce accepts 32,768 bytes.
    static let streamRequestBytes = 30_000
    /// All events of one response.
    static let streamBodyBytes = 64 << 20
    /// A session that lasted so long does not count as failed at once.
    static let streamSettled = Duration.seconds(60)
    /// Consecutive answers that are not Bayeux before the stream ends.
    static let streamMalformed = 4
    static let streamLongestPause = Duration.seconds(120)
    /// Pauses before further handshakes.
    static let streamBackoff = Backoff(initial: .seconds(1), maximum: streamLongestPause, jitter: 0.5)
    /// Cookies that one stream keeps.
    static let cookies = 20
}

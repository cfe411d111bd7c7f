import HTTPServer

/// Limits of the services.
enum ODataLimits {
    /// Words of a `$filter`.
    static let filterTokens = 1_000
    /// Levels of brackets and `not` of a `$filter`.
    static let filterDepth = 50
    /// Terms of a `$search`.
    static let searchTerms = 20
    /// Properties of an `$orderby`.
    static let orderProperties = 8
    /// Entities of an answer. More are on the next page. Source: Salesforce reads at most 2,000 at once.
    static let pageRows = 2_000
    /// Rows of the first statement of a page. Later ones know the size of a row.
    static let firstRows = 250
    /// As `firstRows`, if a row can be large.
    static let firstLargeRows = 50
    /// Characters from which on a text is large. Source: Salesforce's long text areas begin at 256.
    static let largeText = 255
    /// Bytes of an answer. Source: Salesforce reads at most 8 MB.
    static let answerBytes = 7 * 1024 * 1024
    /// Bytes of a request's body. Source: Salesforce sends at most 8 MB.
    static let bodyBytes = 8 * 1024 * 1024
    /// Requests of a batch.
    static let batchRequests = 100
    /// Header fields of a request of a batch.
    static let batchFields = 64
    /// Bytes of a header line of a batch. URLs with a `$filter` are long.
    static let batchLineBytes = 16_384
    /// Characters of a `$skiptoken`.
    static let tokenCharacters = 8_192
    /// How long a process uses what it knows of a service and its tables: a change is seen after this time.
    static let cacheTime = Duration.seconds(5)
    /// How long it does so while the databases do not answer.
    static let outageTime = Duration.seconds(30)
    /// How long a request waits for what is known of the service.
    static let catalogTime = Duration.seconds(10)
    /// Wrong credentials from one address: too few to search, enough for a wrong setting.
    static let failures = TokenBucket.Rate(burst: 20, refill: .seconds(5))
}

import HTTPServer

/// Limits of the API.
enum ConnectLimits {
    /// Connections on a page of a list, unless the client asks for fewer.
    static let pageSize = 1_000
    /// Bytes of a mapping file or a mapping.
    static let bodyBytes = 4 * 1024 * 1024
    /// How long a request waits until a worker has stored a new mapping.
    static let importWait = Duration.seconds(10)
    /// The pause between looks at an import.
    static let importPause = Duration.milliseconds(100)
    /// The age of the write errors that are listed. Source: the CLI's text "in the last 24 hours".
    static let errorAge: Double = 24 * 60 * 60
    /// Requests of one token: bursts, then ten a second.
    static let requests = TokenBucket.Rate(burst: 600, refill: .milliseconds(100))
    /// Wrong tokens from one address: too few to search, enough for a wrong setting.
    static let failures = TokenBucket.Rate(burst: 20, refill: .seconds(5))
}

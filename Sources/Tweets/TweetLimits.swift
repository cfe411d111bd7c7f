/// Limits of the search for posts.
enum TweetLimits {
    /// Accounts of a tenant that one run searches for: the X API counts requests.
    static let accounts = 20
    /// Posts that a search returns. Source: X API v2, "Search recent Posts", `max_results` from 10 to 100.
    static let results = 10
    /// Posts about an account that are stored in one run.
    static let posts = 3
    /// Fewer likes make no popular post.
    static let likes = 5
    /// Characters of a name in a query. Source: X API v2, queries of at most 512 characters.
    static let nameCharacters = 100
    static let deadline = Duration.seconds(20)
    static let answerBytes = 1 << 20
    static let statement = Duration.seconds(30)
    static let timeout = Duration.seconds(600)
    static let attempts = 3
    /// Tenants whose jobs one tick enqueues.
    static let tenants = 10_000
}

/// The kinds of notifications about webhooks.
enum FeedNotice {
    static let failing = "event_webhook_failing"
    static let gap = "event_webhook_gap"
    static let unreadable = "event_webhook_unreadable"
}

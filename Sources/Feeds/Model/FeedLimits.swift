/// The limits of the feed.
package enum FeedLimits {
    /// How long events are kept for receivers that have not read them.
    package static let eventRetention = Duration.seconds(3 * 86_400)
    /// Events of one database. The oldest are removed.
    package static let retainedEvents = 1_000_000
    /// Events that one statement prunes.
    static let prunedEvents = 20_000
    /// Deliveries of one webhook that wait. Then no events become deliveries until some have ended.
    package static let waitingDeliveries = 1_000
    /// How long ended deliveries are kept for people, and dead ones for a retry.
    package static let deliveredRetention = Duration.seconds(86_400)
    package static let deadRetention = Duration.seconds(30 * 86_400)
    /// Events of one request, and the bytes of its body above which no event is added.
    package static let eventsPerDelivery = 100
    package static let deliveryBytes = 512 << 10
    /// Deliveries that are read at once.
    static let dueDeliveries = 20
    /// Attempts after which a delivery is dead: about two days. See `DeliveryRule`.
    package static let attempts = 12
    /// One request to a webhook. Shorter than `claim` by more than `renewal`.
    package static let requestTime = Duration.seconds(15)
    /// How long a worker that does not renew its claim keeps a webhook.
    package static let claim = Duration.seconds(30)
    static let renewal = Duration.seconds(5)
    /// Webhooks that one worker delivers to at the same time.
    static let webhooksAtOnce = 32
    /// Open notifications about webhooks that cannot be opened.
    static let unreadableWebhooks = 20
    /// Pause between two reads of new events.
    package static let step = Duration.seconds(1)
    /// Events of one read of a stream.
    package static let eventsPerRead = 200
    /// Streams of server-sent events of one process.
    package static let streams = 64
    /// Streams that one token may have open in one process.
    package static let streamsPerToken = 4
    package static let streamLifetime = Duration.seconds(3_600)
    /// Interval between checks of a stream's token.
    package static let tokenCheck = Duration.seconds(30)
    /// Silence after which a stream sends a comment: Heroku's router closes connections after 55 s.
    package static let streamSilence = Duration.seconds(15)
    package static let streamRetryMilliseconds = 3_000
    /// A cursor: a source is a few dozen bytes.
    static let cursorBytes = 8 << 10
    package static let urlBytes = 2_048
    static let secretBytes = 32
    static let tokenBytes = 32
    /// An error's text on a delivery.
    static let errorCharacters = 300
}

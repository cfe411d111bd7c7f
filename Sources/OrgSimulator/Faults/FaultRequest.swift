/// The body of `POST /simulator/faults`: a fault to switch on.
struct FaultRequest: Decodable, Sendable {
    enum Kind: String, Decodable, Sendable {
        /// Expires all access tokens (of `org`).
        case expireAccessTokens = "expire_access_tokens"
        /// Revokes all refresh tokens (of `org`) with their access tokens.
        case revokeRefreshTokens = "revoke_refresh_tokens"
        /// Switches refresh token rotation `on` or off.
        case rotation
        /// The next `count` calls (of `org`) whose path contains `path` are answered with `status`.
        case fail
        /// The next `count` such answers break off after `bytes` of the body.
        case drop
        /// The next `count` such answers end after `bytes` of the body, as if they were complete.
        case truncate
        /// The next `count` such answers come `milliseconds` later.
        case delay
        /// The next `count` calls that change something are carried out, and their connections are closed
        /// without an answer. Also steps of a Bulk job, before the work.
        case lostResponse = "lost_response"
        /// The connections of the next `count` such calls are closed at once. The calls are carried out
        /// `milliseconds` later.
        case lateCommit = "late_commit"
        /// In the next `count` write calls, and Bulk jobs whose upload ends, every `nth` row fails with
        /// `code`.
        case failRows = "fail_rows"
        /// Bulk jobs need `polls` polls and `milliseconds`.
        case slowBulk = "slow_bulk"
        /// Calls of `org` are answered with REQUEST_LIMIT_EXCEEDED, until `on` is false.
        case requestLimit = "request_limit"
        /// Hides `object`, or its `field`, in `org`, until `on` is false.
        case hide
        /// The Bulk API refuses `object` of `org`, until `on` is false.
        case bulkUnsupported = "bulk_unsupported"
        /// Queries of `object` of `org` need a filter, until `on` is false.
        case needsFilter = "needs_filter"
        /// `user` (absent: each user of `org`) loses `right`, until `on` is false.
        case loseRight = "lose_right"
        /// The next `count` handshakes and connects of CometD are refused, because the server is too busy.
        case streamBusy = "stream_busy"
        /// Ends all faults. Expired and revoked tokens stay so.
        case clear
    }

    let kind: Kind
    /// Number, or id of 15 or 18 characters; absent: all orgs.
    var org: String?
    var on: Bool?
    var path: String?
    /// Such as `PATCH`; absent: any.
    var method: String?
    /// Default 2: half of the rows.
    var nth: Int?
    var status: Int?
    var code: String?
    var message: String?
    var count: Int?
    var bytes: Int?
    var milliseconds: Int?
    var polls: Int?
    var object: String?
    var field: String?
    var user: String?
    var right: UserRight?
}

/// The body of `POST /simulator/faults`: which misbehaviour to switch on.
struct FaultRequest: Decodable, Sendable {
    enum Kind: String, Decodable, Sendable {
        /// All access tokens (of `org`) are expired.
        case expireAccessTokens = "expire_access_tokens"
        /// All refresh tokens (of `org`) are revoked, and their access tokens.
        case revokeRefreshTokens = "revoke_refresh_tokens"
        /// Refresh token rotation is `on` or off.
        case rotation
        /// The next `count` calls whose path contains `path` (of `org`) answer `status`.
        case fail
        /// The next `count` such answers break off after `bytes` of the body.
        case drop
        /// The next `count` such answers come `milliseconds` later.
        case delay
        /// Bulk jobs need `polls` questions and `milliseconds`.
        case slowBulk = "slow_bulk"
        /// Calls of `org` answer REQUEST_LIMIT_EXCEEDED, or no longer.
        case requestLimit = "request_limit"
        /// `object`, or its `field`, is missing from `org`, or back again.
        case hide
        /// The Bulk API does not take `object` of `org`, or takes it again.
        case bulkUnsupported = "bulk_unsupported"
        /// A query of `object` of `org` needs a filter, or no longer.
        case needsFilter = "needs_filter"
        /// `user` (all of `org` when absent) loses `right`, or gets it back with `on` false.
        case loseRight = "lose_right"
        /// Ends every rule and switch but lost tokens.
        case clear
    }

    let kind: Kind
    /// Number, or id of 15 or 18 characters; absent: all orgs.
    var org: String?
    var on: Bool?
    var path: String?
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

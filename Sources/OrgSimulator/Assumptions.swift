/// What no documentation or recording settles: the believed behaviour is the default, the other is a switch.
package struct Assumptions: Sendable {
    /// Bulk results write `int` values as `100.0` for this many of 256 rows.
    package var integersWithPoint: UInt8 = 8
    /// Bulk results end date-times in `Z`; otherwise in `+0000`, as JSON does.
    package var bulkInstantsEndInZ = true
    /// Bulk results write null as `""`; otherwise as nothing between the commas.
    package var bulkNullsAreQuoted = true
    /// Bulk results say `text/csv; charset=UTF-8`; otherwise `text/csv`.
    package var bulkStatesCharset = false
    /// A Bulk query that the API cannot run is refused with 400; otherwise the job is made and fails.
    package var bulkRefusesUnsupportedQueries = true
    /// Responses are compressed when `Accept-Encoding` offers gzip.
    package var compressesResponses = true
    /// Using a refresh token that rotation has replaced also ends its successor.
    package var reuseEndsSuccessor = false
    /// Answers to a refresh carry `signature` and `issued_at`, as those to a code do.
    package var refreshesAreSigned = true
    /// Revoking an access token leaves its refresh token alive.
    package var revokedAccessKeepsRefresh = true
    /// A wrong client secret is answered with 401; otherwise with 400.
    package var wrongSecretIsUnauthorized = false
    /// Users without View All Data see only records that they own.
    package var sharingHidesRecords = true
    /// How many access tokens a user may hold for the app; the oldest is ended.
    package var accessTokensPerUser = 5
    /// Rows of a result page when the caller names no maximum.
    package var defaultResultRows = 50_000
    /// Rows of one entry of `resultPages`.
    package var resultPageRows = 10_000

    package init() {}
}

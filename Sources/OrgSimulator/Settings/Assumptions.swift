/// Behaviour of Salesforce that no documentation or recording settles. The default is the likely behaviour.
package struct Assumptions: Sendable {
    /// Bulk results write `int` values as `100.0` for this many of 256 rows.
    package var integersWithPoint: UInt8 = 8
    /// About 1 %: `integersWithPoint` of `SimulatorConfiguration.awkwardOrgs`.
    static let fewIntegersWithPoint: UInt8 = 3
    /// Bulk results end date-times in `Z`; otherwise in `+0000`, as JSON does.
    package var bulkInstantsEndInZ = true
    /// Bulk results write null as `""`; otherwise they write no character between the commas.
    package var bulkNullsAreQuoted = true
    /// Bulk results say `text/csv; charset=UTF-8`; otherwise `text/csv`.
    package var bulkStatesCharset = false
    /// A Bulk query that the API cannot run is refused with 400; otherwise the job is created and fails.
    package var bulkRefusesUnsupportedQueries = true
    /// Responses are compressed when `Accept-Encoding` offers gzip.
    package var compressesResponses = true
    /// Using a refresh token that rotation replaced also ends its successor.
    package var reuseEndsSuccessor = false
    /// Answers to a refresh have `signature` and `issued_at`, as answers to a code have.
    package var refreshesAreSigned = true
    /// Revoking an access token does not revoke its refresh token.
    package var revokedAccessKeepsRefresh = true
    /// A wrong client secret is answered with 401; otherwise with 400.
    package var wrongSecretIsUnauthorized = false
    /// Users without View All Data see only records that they own.
    package var sharingHidesRecords = true
    /// The access tokens that a user may hold for the app. A further one ends the oldest.
    package var accessTokensPerUser = 5
    /// Rows of a result page when the caller names no maximum.
    package var defaultResultRows = 50_000
    /// Rows of one entry of `resultPages`.
    package var resultPageRows = 10_000

    /// Equal updates, or deletes, of one transaction share an event with several `recordIds`.
    package var mergesEvents = true
    /// Changed texts of 1000 characters and more are sent as differences.
    package var sendsTextDiffs = true
    /// A CometD request without the cookie of its handshake is refused.
    package var streamNeedsCookie = true
    /// SystemModstamp and LastModifiedDate have whole seconds, as in every recorded answer.
    package var stampsAreWholeSeconds = true

    /// A value of a wrong type in one record refuses a whole request to `/composite/sobjects`; otherwise it
    /// refuses the record.
    package var wrongTypesRefuseCollections = true
    /// The origin of a Bulk job's changes has the client of the call that created the job.
    package var bulkOriginHasClient = true

    package init() {}
}

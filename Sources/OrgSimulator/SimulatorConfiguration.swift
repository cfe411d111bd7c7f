/// What a simulator is to be: how many orgs of which size, and how they behave.
package struct SimulatorConfiguration: Sendable {
    /// Scheme, host and port that its users reach it under, without a slash at the end; what `instance_url`,
    /// identity URLs and result URLs begin with. Nil: taken from each request's `Host`.
    package var origin: String?
    /// How many orgs there are, at least one.
    package var orgs = 3
    /// Accounts of each org that are not deleted.
    package var accounts = 10_000
    /// Contacts of each org that are not deleted.
    package var contacts = 10_000
    /// Tweet__c rows of each org that are not deleted.
    package var tweets = 500
    /// Connection__c rows of each org that are not deleted.
    package var connections = 3
    /// Text fields of the object Wide__c, which has five rows; 0: there is no such object.
    package var wideFields = 0
    /// Everything random follows from it: the same seed gives the same orgs, users, ids and rows.
    package var seed: UInt64 = 1
    /// Org 1 and org 2 have ids that differ only in the case of letters.
    package var caseTwins = true
    /// Text fields hold awkward values now and then. Without them the results can be loaded by tools that neither
    /// remove NUL characters nor tell a value `\.` from the end of a copy.
    package var hasAwkwardTexts = true
    /// The consumer key of the connected app; any other is refused.
    package var clientID = "simulator-client"
    /// The consumer secret.
    package var clientSecret = "simulator-secret"
    /// Callback addresses that the app accepts; empty: any.
    package var redirectURIs: [String] = []
    /// The password of every user, for the password grant.
    package var password = "password"
    /// Each refresh gives a new refresh token and ends the old one.
    package var rotatesRefreshTokens = false
    /// How long access tokens live, in seconds; nil: until they are revoked or expired by a fault.
    package var accessTokenSeconds: Int?
    /// How long authorization codes live, in seconds. Assumed by many: the documentation says 15 minutes.
    package var codeSeconds = 900
    /// How often a Bulk job must be asked for before it is complete.
    package var bulkPolls = 1
    /// How long a Bulk job takes at least, in milliseconds.
    package var bulkMilliseconds = 0
    /// The namespace of the package, for `apexrest/<namespace>/AuthConnection`; nil: none.
    package var namespace: String?
    /// Orgs (counted from 1) where the package with its Apex class is not installed.
    package var orgsWithoutPackage: Set<Int> = []
    /// API calls that an org may make in a day.
    package var dailyRequests = 100_000
    /// What is believed of Salesforce but not verified.
    package var assumptions = Assumptions()
    /// Bounds on memory and work.
    package var limits = SimulatorLimits()

    package init() {}
}

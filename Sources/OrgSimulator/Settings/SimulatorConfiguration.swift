/// The settings of a simulator: the number and size of its orgs, and their behaviour.
package struct SimulatorConfiguration: Sendable {
    /// Scheme, host and port of the simulator's URLs, without a slash at the end. Nil: from each request's
    /// `Host`.
    package var origin: String?
    /// The number of orgs, at least one.
    package var orgs = 3
    /// Accounts of each org that are not deleted.
    package var accounts = 10_000
    /// Contacts of each org that are not deleted.
    package var contacts = 10_000
    /// Tweet__c rows of each org that are not deleted.
    package var tweets = 500
    /// Connection__c rows of each org that are not deleted.
    package var connections = 3
    /// Leads of each org that are not deleted.
    package var leads = 0
    /// Text fields of the object Wide__c, which has five rows. 0: the object does not exist.
    package var wideFields = 0
    /// The same seed gives the same orgs, users, ids and rows.
    package var seed: UInt64 = 1
    /// Org 1 and org 2 have ids that differ only in the case of letters.
    package var caseTwins = true
    /// Some text fields hold awkward values (`AwkwardText`). Without them, simple tools can load the results:
    /// tools that do not remove NUL characters, or that read a value `\.` as the end of a copy.
    package var hasAwkwardTexts = true
    /// Orgs (counted from 1) with awkward values although the others have none: texts as with
    /// `hasAwkwardTexts`, and `Assumptions.fewIntegersWithPoint`.
    package var awkwardOrgs: Set<Int> = []
    /// The consumer key of the connected app; any other is refused.
    package var clientID = "simulator-client"
    /// The consumer secret.
    package var clientSecret = "simulator-secret"
    /// The app's callback addresses. Empty: any.
    package var redirectURIs: [String] = []
    /// The password of every user, for the password grant.
    package var password = "password"
    /// Each refresh gives a new refresh token and ends the old one.
    package var rotatesRefreshTokens = false
    /// Lifetime of access tokens in seconds. Nil: until they are revoked or a fault expires them.
    package var accessTokenSeconds: Int?
    /// Lifetime of authorization codes in seconds. Documented: 15 minutes.
    package var codeSeconds = 900
    /// Polls of a Bulk job before it is complete.
    package var bulkPolls = 1
    /// Minimum duration of a Bulk job in milliseconds.
    package var bulkMilliseconds = 0
    /// The package's namespace, for `apexrest/<namespace>/AuthConnection`. Nil: none.
    package var namespace: String?
    /// Orgs (counted from 1) without the package and its Apex class.
    package var orgsWithoutPackage: Set<Int> = []
    /// API calls of an org per day.
    package var dailyRequests = 100_000
    /// Objects with Change Data Capture at the start.
    package var selectedEntities: Set<String> = ["Account", "Contact", "Lead", "Tweet__c"]
    /// Events older than this cannot be replayed. Documented: three days.
    package var retentionSeconds = 72 * 3600
    /// Events that all subscribers of an org may get in 24 hours. Documented: 50,000 in the largest edition.
    package var dailyDeliveredEvents = 50_000
    /// CometD clients of an org. Documented: 2,000 in the largest edition.
    package var streamingClients = 2000
    /// Each event is delivered 0 to this many milliseconds after its commit. Their order is kept.
    package var eventDelayMilliseconds = 0
    /// A waiting connect is answered after this time. Documented: 110 seconds.
    package var connectSeconds = 110
    /// A session without a connect for this long is deleted. Documented: 40 seconds.
    package var sessionSeconds = 40
    /// API writes are recorded for `/simulator/orgs/<org>/writes`. A recorded write takes some hundred bytes.
    package var recordsWrites = true
    /// Unverified behaviour of Salesforce.
    package var assumptions = Assumptions()
    /// Bounds on memory and work.
    package var limits = SimulatorLimits()

    package init() {}
}

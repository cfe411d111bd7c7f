internal import Activity
internal import Reactor
internal import Salesforce

/// The named maxima of this target.
package enum OrganizationsLimits {
    /// Salesforce's org names have at most 80 characters; the rest is room for translations.
    package static let nameCharacters = 255
    /// RFC 5321, section 4.5.3.1.3, without the angle brackets.
    package static let emailCharacters = 254
    /// How far the timestamp of a signed call may be from our clock; a captured call can be replayed this
    /// long.
    package static let callbackWindow = Duration.seconds(5 * 60)
    /// Time for a person to log in, enter a second factor and read the consent page.
    package static let consentLifetime = Duration.seconds(15 * 60)
    /// How long ended consents are kept, to distinguish a replayed state from a forged one.
    static let consentMemory = Duration.seconds(24 * 60 * 60)
    /// Registrations in one statement: enough to amortize its fixed cost, few enough to take milliseconds.
    static let registrationBatch = 64
    /// A recipient is not mailed again about the same org within this time.
    package static let mailPause = Duration.seconds(10 * 60)
    /// Consent mails about one org in an hour that one source causes, to all recipients.
    package static let mailsPerOrganization = 6
    /// Consent mails to one recipient in an hour, about all orgs.
    package static let mailsPerRecipient = 10
    /// Characters of an org's name in a mail.
    static let mailNameCharacters = 60
    /// Mails that wait for the same limit are spread over this time.
    static let mailSpread = Duration.seconds(60)
    /// Recorded refusals of consents for one org in an hour.
    static let refusedConsents = 20
    /// Open notifications about refused registrations, of one source and of all. Installs of many orgs come
    /// through few addresses of Salesforce, so one source has many.
    static let refusedRegistrations = NotificationStore.SourceLimits(perSource: 20, total: 200)
    /// How far back the sweep looks for dead mail jobs without a notification: longer than any outage of
    /// ours.
    static let mailFailureMemory = Duration.seconds(7 * 24 * 60 * 60)
    /// Dead mail jobs that one sweep reports.
    static let sweptMailFailures = 200
    /// Pause before a refresh is sent a second time: Salesforce refuses it while it processes the first.
    package static let refreshPause = Duration.seconds(3)
    /// How long one refresh may hold the lease: time for two requests of `SalesforceLimits.oauthDeadline`
    /// each, the pause between them, and storing. Two refreshes at once would revoke a rotated token.
    static let refreshLease = SalesforceLimits.oauthDeadline * 2 + refreshPause + .seconds(20)
    /// After a refusal that does not end the grant, no refresh is sent for this long.
    package static let refusalPause = Duration.seconds(10)
    /// How long refusals that do not end the grant may last before operators are notified.
    static let refusalTolerance = Duration.seconds(24 * 60 * 60)
    /// How long a caller waits for another process' refresh.
    static let refreshWait = refreshLease + .seconds(15)
    /// Interval at which a waiting caller reads the stored token.
    static let refreshPoll = Duration.milliseconds(150)
    /// For this time a token is used without a look at the stored one.
    static let tokenAge = Duration.seconds(10)
    /// Tokens that one loop keeps for `tokenAge`.
    static let recentTokens = 4_096
    /// Deadline for sending one mail to the SMTP server.
    static let mailDeadline = Duration.seconds(60)
    /// Addresses of operators that are mailed.
    package static let operatorAddresses = 20
    /// How long a new notification waits for others of the same mail to operators.
    static let alertCollection = Duration.seconds(60)
    /// Between two mails to operators.
    static let alertMailPause = Duration.seconds(5 * 60)
    /// Between two mails to operators about the same kind of notification.
    static let alertKindPause = Duration.seconds(30 * 60)
    /// How far back mails to operators are remembered: longer than their pauses.
    static let alertMemory = alertKindPause * 2
    /// Notifications of one kind that a mail to operators lists. Others are counted.
    static let alertsPerKind = 20
    /// Characters of one notification in a mail to operators.
    static let alertCharacters = 600
    /// Between two mails to a tenant's admin about the same kind of notification.
    static let adminAlertPause = Duration.seconds(24 * 60 * 60)
    /// Tenants whose admins are mailed at once, each minute.
    static let adminAlertTenants = 50
    /// Failures after which a mail to operators or a request to the webhook is given up: about ten hours.
    static let alertAttempts = 12
    /// Notifications whose requests to the webhook are enqueued at once, each minute.
    static let webhookBatch = 500
    /// Requests to the webhook that a worker sends at the same time.
    static let webhooksAtOnce = 2
    /// Deadline of one request to the webhook.
    static let webhookDeadline = Duration.seconds(15)
    /// The shortest secret for signatures of requests to the webhook, in bytes.
    package static let webhookSecretBytes = 16
    /// Rows that one pruning statement removes: some ten milliseconds of work.
    static let pruneBatch = 1000
    /// Tenants whose tokens are read at once to be resealed.
    static let resealBatch = 200
    /// Registrations that one statement removes, each with its mails and activity.
    static let expireBatch = 100

    /// Percent of an org's API allowance that is never used, if `API_RESERVE_PERCENT` is not set.
    package static let apiReservePercent = 20
    /// Without a report of an org's use for this time, one call is sent to learn it.
    static let apiRecheck = Duration.seconds(15 * 60)
    /// Requests with writes to one org that run at the same time: Salesforce's own loaders use as many.
    package static let writeCalls = 5
    /// Waiting rows of one kind from which a Bulk job writes them: it takes some seconds more and far fewer
    /// calls.
    package static let bulkWriteThreshold = 2_000
    /// Salesforce ends a request after 10 minutes. One more for the network.
    package static let writeQuarantineSeconds = 660
    /// A report of an org's use is asked for if a call is refused and the last report is older.
    static let usageAge = Duration.seconds(10 * 60)
    /// The time over which a mapping's API calls are counted.
    package static let usageDay = Duration.seconds(24 * 60 * 60)
    /// The pause before a call of a mapping is tried again that has used its calls of the day.
    static let capRecheck = Duration.seconds(15 * 60)
    /// Failed calls in a row before calls to an org stop.
    static let circuitFailures = 5
    /// The longest time for which a call blocks others as a probe.
    static let circuitProbe = Duration.seconds(180)
    /// Pauses between probes of an org that does not work.
    static let circuitBackoff = Backoff(initial: .seconds(5), maximum: .seconds(600), jitter: 0.2)

    /// How old a signed request of Canvas may be, and how far our clocks may differ.
    static let canvasAge = Duration.seconds(5 * 60)
    /// How long accepted requests of Canvas are remembered: longer than both directions of `canvasAge`.
    static let canvasMemory = canvasAge * 3

    /// How long an end user may take to log in.
    static let endUserLogin = Duration.seconds(15 * 60)
    /// How long an end user's session lasts at most. Salesforce may end its token earlier.
    static let endUserSession = Duration.seconds(12 * 60 * 60)
    /// The path to return to after a login, in bytes.
    static let returnPathBytes = 500
    /// Objects of a tenant that end users may reach.
    package static let endUserObjects = 200
}

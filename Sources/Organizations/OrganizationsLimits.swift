internal import Salesforce

/// The named maxima of this target.
package enum OrganizationsLimits {
    /// Salesforce's org names have at most 80 characters; the rest is room for translations.
    package static let nameCharacters = 255
    /// RFC 5321, section 4.5.3.1.3, less the angle brackets.
    package static let emailCharacters = 254
    /// How far a signed callback's clock may be from ours, and how long a captured one could be sent again.
    package static let callbackWindow = Duration.seconds(5 * 60)
    /// A person logs in, finds a second factor, reads the consent page.
    package static let consentLifetime = Duration.seconds(15 * 60)
    /// Consents kept after they ended, to tell a replayed state from a forged one.
    static let consentMemory = Duration.seconds(24 * 60 * 60)
    /// Registrations of one address: installs come through few addresses of Salesforce, so this is generous.
    package static let addressBurst = 120
    package static let addressRefill = Duration.milliseconds(500)
    /// Registrations of one org by one address: an install calls once, an admin may try again.
    package static let organizationBurst = 6
    package static let organizationRefill = Duration.seconds(60)
    /// Registrations in one statement: enough for its fixed cost to vanish, few enough to last milliseconds.
    static let registrationBatch = 64
    /// Keys that a limiter remembers; two generations of half of it.
    package static let limiterKeys = 20_000
    /// Callbacks of consents by one address. Each looks up a state, and one that is found calls Salesforce.
    package static let callbackBurst = 60
    package static let callbackRefill = Duration.seconds(1)
    /// The same admin is not mailed again about the same org within this time.
    package static let mailPause = Duration.seconds(10 * 60)
    /// Consent mails about one org in an hour that one source asks for, whoever they go to.
    package static let mailsPerOrganization = 6
    /// Consent mails to one recipient in an hour, whatever org they are about.
    package static let mailsPerRecipient = 10
    /// Characters of an org's name in a mail: more is not a name.
    static let mailNameCharacters = 60
    /// Mails that wait for a limit are tried again within so much time after it, not all at one moment.
    static let mailSpread = Duration.seconds(60)
    /// Refused consents of one org that are recorded in an hour.
    static let refusedConsents = 20
    /// Open notifications about registrations that were refused: strangers can cause them.
    static let refusedRegistrations = 20
    /// Before a refresh is sent a second time: Salesforce refuses a request while the one before is processed.
    package static let refreshPause = Duration.seconds(3)
    /// How long one refresh may hold the lease: its two requests, of `SalesforceLimits.oauthDeadline` each, the
    /// pause between them and the storing lie inside. Two refreshes at once would void a rotated token.
    static let refreshLease = SalesforceLimits.oauthDeadline * 2 + refreshPause + .seconds(20)
    /// After a refusal that does not end the grant nobody asks again for so long.
    package static let refusalPause = Duration.seconds(10)
    /// How long refusals that do not end the grant may last before operators are notified.
    static let refusalPatience = Duration.seconds(24 * 60 * 60)
    /// How long a caller waits for a refresh that another process makes.
    static let refreshWait = refreshLease + .seconds(15)
    /// Pauses between looks at the stored token while waiting.
    static let refreshPoll = Duration.milliseconds(150)
    /// One mail to the SMTP server.
    static let mailDeadline = Duration.seconds(60)
    /// Rows that one statement of the pruning removes: some ten milliseconds of work.
    static let pruneBatch = 1000
    /// Tenants whose tokens are read at once to be sealed again.
    static let resealBatch = 200
    /// Registrations that one statement removes, with the mails and records of each.
    static let expireBatch = 100
}

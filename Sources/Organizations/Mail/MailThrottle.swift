package import FoundationEssentials

/// How many consent mails may be sent in an hour. Other mails are not limited: strangers cannot cause them.
package struct MailLimits: Sendable, Equatable {
    /// Mails of the whole installation: `MAILS_PER_HOUR`.
    package let total: Int
    /// Mails that one source causes.
    package var perSource: Int { max(1, min(total, max(OrganizationsLimits.mailsPerRecipient, total / 4))) }
    package var perRecipient: Int { min(total, OrganizationsLimits.mailsPerRecipient) }
    /// Mails about one org that one source causes. It is a limit per source, so strangers cannot use up the
    /// org's own mails.
    package var perOrganization: Int { min(total, OrganizationsLimits.mailsPerOrganization) }

    /// Below the limit of a mail provider's small plan, and above the installs of most packages.
    package static let standardTotal = 240

    package init(total: Int = standardTotal) {
        precondition(total > 0, "the limit of mails is positive")
        self.total = total
    }
}

/// Decides whether and when a consent mail is sent: at the registration, and again when its job runs. Facts
/// from the database in, a decision out.
package enum MailThrottle {
    /// The consent mails of the last hour, in any order.
    package struct Facts: Equatable, Sendable {
        /// The last mail to this recipient about this org.
        package var lastToRecipientAboutOrganization: Date?
        /// Mails about this org that this source caused.
        package var aboutOrganization: [Date]
        /// Mails to this recipient.
        package var toRecipient: [Date]
        /// Mails that this source caused.
        package var fromSource: [Date]
        /// Mails of the whole installation.
        package var all: [Date]

        package init(
            lastToRecipientAboutOrganization: Date? = nil, aboutOrganization: [Date] = [],
            toRecipient: [Date] = [], fromSource: [Date] = [], all: [Date] = []
        ) {
            self.lastToRecipientAboutOrganization = lastToRecipientAboutOrganization
            self.aboutOrganization = aboutOrganization
            self.toRecipient = toRecipient
            self.fromSource = fromSource
            self.all = all
        }
    }

    /// Whether and when to mail.
    package enum Decision: Equatable, Sendable {
        case now
        /// The limits are reached: not before this time.
        case at(Date)
        /// The recipient was mailed about this org a short while ago.
        case alreadyMailed
        /// No mail can reach the address.
        case unreachable
    }

    /// A limit delays a mail and never drops it, so that a stranger who registers an org many times cannot
    /// keep its admin from being mailed.
    package static func decision(_ facts: Facts, limits: MailLimits = MailLimits(), now: Date) -> Decision {
        if let last = facts.lastToRecipientAboutOrganization,
            now < last.addingTimeInterval(OrganizationsLimits.mailPause.timeInterval)
        {
            return .alreadyMailed
        }
        let times = [
            free(facts.aboutOrganization, limit: limits.perOrganization, now: now),
            free(facts.toRecipient, limit: limits.perRecipient, now: now),
            free(facts.fromSource, limit: limits.perSource, now: now),
            free(facts.all, limit: limits.total, now: now),
        ]
        let earliest = times.max() ?? now
        return earliest > now ? .at(earliest) : .now
    }

    private static let hour: TimeInterval = 3_600

    /// The time at which fewer than `limit` mails are younger than an hour.
    private static func free(_ mails: [Date], limit: Int, now: Date) -> Date {
        let recent = mails.filter { $0 > now.addingTimeInterval(-hour) }.sorted()
        guard recent.count >= limit else { return now }
        return recent[recent.count - limit].addingTimeInterval(hour)
    }
}

package import FoundationEssentials

/// How many consent mails may leave in an hour. Only these are limited: strangers can cause them.
package struct MailLimits: Sendable, Equatable {
    /// Of the whole installation: `MAILS_PER_HOUR`.
    package let total: Int
    /// Asked for by one address.
    package var perSource: Int { max(1, min(total, max(OrganizationsLimits.mailsPerRecipient, total / 4))) }
    package var perRecipient: Int { min(total, OrganizationsLimits.mailsPerRecipient) }
    /// About one org, asked for by one address: others cannot use up what the org itself has.
    package var perOrganization: Int { min(total, OrganizationsLimits.mailsPerOrganization) }

    /// What a mail provider's small plan carries, and more than most packages have installs.
    package static let standardTotal = 240

    package init(total: Int = standardTotal) {
        precondition(total > 0, "an installation mails somebody")
        self.total = total
    }
}

/// Decides whether and when a consent mail leaves: at the registration, and again when its job runs. Facts from
/// the database in, a decision out.
package enum MailThrottle {
    /// The consent mails of the last hour, in any order.
    package struct Facts: Equatable, Sendable {
        /// The last mail to this admin about this org.
        package var lastToRecipientAboutOrganization: Date?
        /// About this org, asked for by this source.
        package var aboutOrganization: [Date]
        /// To this admin.
        package var toRecipient: [Date]
        /// Asked for by this source.
        package var fromSource: [Date]
        /// Of the whole installation.
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
        /// The same admin has just been mailed about this org.
        case not
        /// No mail can reach the address.
        case unreachable
    }

    /// A limit delays and never drops, so that a stranger who registers an org many times cannot keep its
    /// admin from being mailed in the end.
    package static func decision(_ facts: Facts, limits: MailLimits = MailLimits(), now: Date) -> Decision {
        if let last = facts.lastToRecipientAboutOrganization,
            now < last.addingTimeInterval(OrganizationsLimits.mailPause.timeInterval)
        {
            return .not
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

    /// When fewer than `limit` mails lie within an hour.
    private static func free(_ mails: [Date], limit: Int, now: Date) -> Date {
        let recent = mails.filter { $0 > now.addingTimeInterval(-hour) }.sorted()
        guard recent.count >= limit else { return now }
        return recent[recent.count - limit].addingTimeInterval(hour)
    }
}

extension Duration {
    /// In seconds, for dates.
    package var timeInterval: TimeInterval {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}

package import FoundationEssentials

/// Decides whether a repeated registration mails again. Facts from the database in, a decision out.
package enum MailThrottle {
    /// What was mailed before.
    package struct Facts: Equatable, Sendable {
        /// The last mail to this admin about this org.
        package var lastToRecipientAboutOrganization: Date?
        /// Mails of the last hour about this org, oldest first.
        package var aboutOrganization: [Date]
        /// Mails of the last hour to this admin, oldest first.
        package var toRecipient: [Date]

        package init(
            lastToRecipientAboutOrganization: Date? = nil, aboutOrganization: [Date] = [],
            toRecipient: [Date] = []
        ) {
            self.lastToRecipientAboutOrganization = lastToRecipientAboutOrganization
            self.aboutOrganization = aboutOrganization
            self.toRecipient = toRecipient
        }
    }

    /// Whether and when to mail.
    package enum Decision: Equatable, Sendable {
        case now
        /// The limits are reached: a mail at this time, to whoever is registered then.
        case at(Date)
        /// The same admin has just been mailed about this org.
        case not
    }

    /// A limit delays and never drops, so that a stranger who registers an org many times cannot keep its
    /// admin from being mailed in the end.
    package static func decision(_ facts: Facts, now: Date) -> Decision {
        if let last = facts.lastToRecipientAboutOrganization,
            now < last.addingTimeInterval(OrganizationsLimits.mailPause.timeInterval)
        {
            return .not
        }
        let times = [
            free(facts.aboutOrganization, limit: OrganizationsLimits.mailsPerOrganization, now: now),
            free(facts.toRecipient, limit: OrganizationsLimits.mailsPerRecipient, now: now),
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

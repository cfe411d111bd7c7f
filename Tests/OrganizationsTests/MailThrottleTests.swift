import Foundation
import Testing

@testable import Organizations

struct MailThrottleTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func ago(_ minutes: Double) -> Date { now.addingTimeInterval(-minutes * 60) }

    @Test func `the first mail is sent at once`() {
        #expect(MailThrottle.decision(MailThrottle.Facts(), now: now) == .now)
    }

    @Test func `the same recipient is not mailed twice in ten minutes`() {
        var facts = MailThrottle.Facts(lastToRecipientAboutOrganization: ago(9), aboutOrganization: [ago(9)])
        #expect(MailThrottle.decision(facts, now: now) == .alreadyMailed)
        facts.lastToRecipientAboutOrganization = ago(10)
        #expect(MailThrottle.decision(facts, now: now) == .now)
    }

    @Test func `another recipient is mailed at once`() {
        #expect(MailThrottle.decision(MailThrottle.Facts(aboutOrganization: [ago(1)]), now: now) == .now)
    }

    @Test func `many registrations of one org delay a mail but do not drop it`() {
        let mails = [ago(59), ago(50), ago(40), ago(30), ago(20), ago(10)]
        #expect(
            MailThrottle.decision(MailThrottle.Facts(aboutOrganization: mails), now: now)
                == .at(ago(59).addingTimeInterval(3_600)))
        #expect(
            MailThrottle.decision(
                MailThrottle.Facts(aboutOrganization: [ago(61)] + mails.dropFirst()), now: now) == .now)
    }

    @Test func `installation and source have limits of their own`() {
        let limits = MailLimits(total: 40)
        #expect(limits.perSource == 10 && limits.perRecipient == 10)
        let hour = (0..<40).map { ago(Double(50 - $0)) }
        #expect(
            MailThrottle.decision(MailThrottle.Facts(all: hour), limits: limits, now: now)
                == .at(ago(50).addingTimeInterval(3_600)))
        #expect(MailThrottle.decision(MailThrottle.Facts(all: hour), now: now) == .now)
        #expect(
            MailThrottle.decision(
                MailThrottle.Facts(fromSource: Array(hour.prefix(10))), limits: limits, now: now)
                == .at(ago(50).addingTimeInterval(3_600)))
        #expect(MailLimits(total: 1).perRecipient == 1)
    }

    @Test func `a recipient gets at most ten mails an hour`() {
        let mails = (0..<10).map { ago(Double(50 - $0)) }
        #expect(
            MailThrottle.decision(MailThrottle.Facts(toRecipient: mails), now: now)
                == .at(ago(50).addingTimeInterval(3_600)))
    }
}

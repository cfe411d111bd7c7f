import Salesforce
import Testing

@testable import Organizations

struct ConsentRuleTests {
    private let one: OrganizationID
    private let other: OrganizationID

    init() throws {
        one = try OrganizationID("00D090000083B1p")
        other = try OrganizationID("00D090000083b1P")
    }

    private func refusal(
        token: OrganizationID? = nil, identity: OrganizationID? = nil, bound: OrganizationID? = nil,
        status: OrganizationStatus? = .registered
    ) -> ConsentRefusal? {
        ConsentRule.refusal(token: token ?? one, identity: identity ?? one, bound: bound, status: status)
    }

    @Test func `a registered org is accepted with and without a link`() {
        #expect(refusal() == nil)
        #expect(refusal(bound: one) == nil)
        #expect(refusal(status: .live) == nil)
    }

    @Test func `an unregistered org is refused`() {
        #expect(refusal(status: nil) == .notRegistered(one))
        #expect(refusal(status: .uninstalled) == .notRegistered(one))
    }

    @Test func `a link for another org is refused`() {
        #expect(refusal(bound: other) == .otherOrganization(expected: other, actual: one))
    }

    @Test func `an identity of another org is refused`() {
        #expect(refusal(identity: other) == .otherOrganization(expected: one, actual: other))
    }

    @Test func `missing rights are named`() {
        let rights = UserRights(granted: [.apiEnabled])
        let refusal = ConsentRule.refusal(rights: rights, writes: .planned, user: "ann@example.com")
        #expect(refusal == .missingRights(user: "ann@example.com", [.viewAllData, .modifyAllData]))
        #expect(refusal?.explanation.contains("View All Data, Modify All Data") == true)
        #expect(
            ConsentRule.refusal(rights: rights, writes: .none, user: "a")
                == .missingRights(user: "a", [.viewAllData]))
    }

    @Test func `a callback has a code or an error`() {
        #expect(ConsentCallback(state: "s", code: "c", error: nil).step == .exchange(code: "c"))
        #expect(ConsentCallback(state: "s", code: nil, error: nil).step == .refuse(.malformedCallback))
        #expect(ConsentCallback(state: "s", code: "", error: "").step == .refuse(.malformedCallback))
        #expect(
            ConsentCallback(state: "s", code: "c", error: "access_denied<b>").step
                == .refuse(.denied("access_deniedb")))
    }
}

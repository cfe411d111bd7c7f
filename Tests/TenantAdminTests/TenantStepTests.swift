import Foundation
import Salesforce
import Testing

@testable import Organizations
@testable import TenantAdmin

/// The steps of a tenant, and the actions that its status allows.
struct TenantStepTests {
    private func organization(
        _ status: OrganizationStatus, hasConsented: Bool = true, trouble: ConnectionTrouble? = nil
    ) throws -> Organization {
        let id = try OrganizationID("00D000000000001")
        return Organization(
            id: UUID(), organizationID: id, name: try #require(OrganizationName("Acme")),
            adminEmail: try #require(EmailAddress("ann@acme.example")), environment: .production,
            isEnvironmentSigned: true, status: status, statusDetail: "the reason", schemaName: id.schemaName,
            cell: "default", authorizedAt: hasConsented ? Date() : nil, createdAt: Date(), updatedAt: Date(),
            connectionID: UUID(), connectionState: trouble?.state ?? .idle, connectionTrouble: trouble)
    }

    private func states(
        _ organization: Organization, _ tally: MappingTally = MappingTally(),
        _ milestones: TenantDetail.Milestones = TenantDetail.Milestones()
    ) -> [String] {
        TenantStep.steps(of: organization, tally, milestones).map(\.state.rawValue)
    }

    @Test func `a registered tenant waits for its admin`() throws {
        let new = try organization(.registered, hasConsented: false)
        #expect(states(new) == ["done", "current", "current", "open", "open", "open"])
        var milestones = TenantDetail.Milestones()
        milestones.mail = .init(recipient: "ann@acme.example", createdAt: Date(), sentAt: Date(), error: nil)
        #expect(states(new, MappingTally(), milestones).prefix(3) == ["done", "done", "current"])
        milestones.mail = .init(
            recipient: "ann@acme.example", createdAt: Date(), sentAt: nil, error: "550 no such user")
        let steps = TenantStep.steps(of: new, MappingTally(), milestones)
        #expect(steps[1].state == .failed && steps[1].detail == "550 no such user")
    }

    @Test func `a live tenant has done all steps, and one with trouble has failed the last`() throws {
        var tally = MappingTally()
        (tally.total, tally.synced) = (2, 2)
        var milestones = TenantDetail.Milestones()
        milestones.importStartedAt = Date()
        milestones.importFinishedAt = Date()
        #expect(states(try organization(.live), tally, milestones).allSatisfy { $0 == "done" })
        #expect(states(try organization(.live, trouble: .tables), tally, milestones).last == "failed")
    }

    @Test func `the step that stopped is marked`() throws {
        var tally = MappingTally()
        (tally.total, tally.failed) = (2, 2)
        var milestones = TenantDetail.Milestones()
        #expect(states(try organization(.failed))[3] == "failed")
        milestones.importStartedAt = Date()
        #expect(states(try organization(.failed), tally, milestones)[4] == "failed")
        (tally.failed, tally.loading) = (1, 1)
        #expect(states(try organization(.importing), tally, milestones)[4] == "current")
        #expect(states(try organization(.unauthorized), tally, milestones)[2] == "failed")
    }

    @Test(arguments: OrganizationStatus.allCases)
    func `a status allows only actions that have an effect`(status: OrganizationStatus) {
        var tally = MappingTally()
        let actions = TenantAction.allowed(status, tally)
        #expect(actions.contains(.pause) == (status != .paused && status.mayBecome(.paused)))
        #expect(actions.contains(.resume) == (status == .paused))
        #expect(actions.contains(.mail) == [.registered, .unauthorized].contains(status))
        tally.failed = 1
        #expect(TenantAction.allowed(.live, tally).contains(.retry))
    }

    @Test(arguments: ["", "x", "~", "not-a-uuid~1", "\0~1"])
    func `an invalid position is refused`(text: String) {
        #expect(TenantPosition(text) == nil)
    }
}

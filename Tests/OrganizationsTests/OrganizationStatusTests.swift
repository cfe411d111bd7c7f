import Testing

@testable import Organizations

struct OrganizationStatusTests {
    @Test func `a tenant's usual changes of status are allowed`() {
        let way: [OrganizationStatus] = [
            .registered, .authorized, .provisioning, .importing, .live, .unauthorized, .authorized,
            .provisioning,
            .importing, .live, .paused, .live, .uninstalled, .registered,
        ]
        for (before, after) in zip(way, way.dropFirst()) {
            #expect(before.mayBecome(after), "\(before) -> \(after)")
        }
    }

    @Test(arguments: [
        (OrganizationStatus.registered, OrganizationStatus.live), (.registered, .unauthorized),
        (.unauthorized, .live),
        (.unauthorized, .importing), (.uninstalled, .live), (.uninstalled, .authorized), (.live, .registered),
        (.authorized, .live),
    ])
    func `a late step cannot revive a tenant`(before: OrganizationStatus, after: OrganizationStatus) {
        #expect(!before.mayBecome(after))
        #expect(!after.predecessors.contains(before))
    }

    @Test(arguments: OrganizationStatus.allCases)
    func `a status may be set again`(status: OrganizationStatus) {
        #expect(status.mayBecome(status))
    }

    @Test func `consents and registrations lead only to allowed statuses`() {
        for status in OrganizationStatus.allCases {
            if let next = status.afterConsent { #expect(status.mayBecome(next)) }
            if let next = status.afterRegistration { #expect(status.mayBecome(next)) }
        }
    }

    @Test func `a registration is refused after a consent, and accepted after a lost grant`() {
        #expect(OrganizationStatus.live.afterRegistration == nil)
        #expect(OrganizationStatus.failed.afterRegistration == nil)
        #expect(OrganizationStatus.unauthorized.afterRegistration == .unauthorized)
        #expect(OrganizationStatus.uninstalled.afterRegistration == .registered)
        #expect(OrganizationStatus.uninstalled.afterConsent == nil)
    }
}

import Activity
import Cryptography
import Foundation
import Logging
import OrgSimulator
import Postgres
import Salesforce
import Support
import Testing

@testable import Organizations

@Suite(.tags(.store))
struct ConsentTests {
    /// A refused consent leaves nothing behind.
    private func expectNothingStored(_ world: SimulatedOrgs) async throws {
        let counts = try await world.tenancy.pool.query(
            """
            select (select count(*) from multiconnect.credentials) as credentials,
                   (select count(*) from multiconnect.organizations where status <> 'registered') as consented,
                   (select count(*) from multiconnect.jobs where class <> 'SendConsentMail') as jobs
            """)
        for name in ["credentials", "consented", "jobs"] {
            #expect(try counts[0][name, as: Int.self] == 0, "\(name)")
        }
    }

    @Test func `a consent stores sealed tokens and begins provisioning`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            #expect(organization.status == .authorized && organization.authorizedAt != nil)
            #expect(organization.connectionState == .importConfiguration)
            let jobs = try await world.tenancy.jobs()
            #expect(jobs.last == #"ProvisionOrganization ["\#(organization.id.uuidString)"]"#)
            let rows = try await world.tenancy.pool.query(
                "select encode(sealed, 'escape') as sealed, identity->>'username' as username from multiconnect.credentials"
            )
            #expect(rows.count == 2)
            for row in rows {
                #expect(try !row["sealed", as: String.self].contains(world.orgs[0].id.prefix(15)))
            }
            #expect(try rows.contains { try $0["username", as: String?.self] == world.orgs[0].usernames[0] })
            let describe = try await world.sessions.rest(for: organization.id).describe("Account")
            #expect(describe.field(named: "Id")?.type == .id)
        }
    }

    @Test func `orgs whose ids differ only in case have tokens of their own`() async throws {
        try await SimulatedOrgs.run { world in
            let one = try await world.consented(1)
            let two = try await world.consented(2)
            #expect(one.organizationID.text.lowercased() != two.organizationID.text.lowercased())
            #expect(
                one.organizationID.text.prefix(15).lowercased()
                    == two.organizationID.text.prefix(15).lowercased())
            let token = try await world.tokens.token(for: two.id, refused: nil)
            #expect(token.value.revealText()?.hasPrefix(two.organizationID.text.prefix(15)) == true)
        }
    }

    @Test func `the consent of an unregistered org is refused and its grant revoked`() async throws {
        try await SimulatedOrgs.run { world in
            let start = try await world.consent().begin(organization: nil, environment: .sandbox, cookie: nil)
            let callback = try await world.authorize(start, as: world.orgs[0].usernames[0])
            let organization = try world.organizationID(1)
            await #expect(throws: ConsentRefusal.notRegistered(organization)) {
                try await world.consent().finish(callback, cookie: start.cookie)
            }
            try await expectNothingStored(world)
            #expect(try await world.calls(.revoke) == 1)
            await #expect(throws: ConsentRefusal.notRegistered(organization)) {
                try await world.consent().begin(organization: organization, environment: nil, cookie: nil)
            }
        }
    }

    @Test func `the link of one org does not accept the consent of another`() async throws {
        try await SimulatedOrgs.run { world in
            let (one, two) = (try world.organizationID(1), try world.organizationID(2))
            let registration = OrganizationRegistration(pool: world.tenancy.pool, queue: world.tenancy.queue)
            for id in [one, two] { _ = try await registration.register(world.tenancy.request(id.text)) }
            let start = try await world.consent().begin(organization: one, environment: nil, cookie: nil)
            let callback = try await world.authorize(start, as: world.orgs[1].usernames[0])
            await #expect(throws: ConsentRefusal.otherOrganization(expected: one, actual: two)) {
                try await world.consent().finish(callback, cookie: start.cookie)
            }
            try await expectNothingStored(world)
        }
    }

    @Test(arguments: [
        (1, [UserRights.Right.modifyAllData]), (2, [.viewAllData, .modifyAllData]), (3, [.apiEnabled]),
    ])
    func `a refusal names the rights that the user lacks`(user: Int, missing: [UserRights.Right])
        async throws
    {
        try await SimulatedOrgs.run { world in
            let username = world.orgs[0].usernames[user]
            await #expect(throws: ConsentRefusal.missingRights(user: username, missing)) {
                try await world.consented(1, as: username)
            }
            try await expectNothingStored(world)
        }
    }

    @Test func `without a mapping that writes a user needs no Modify All Data`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try world.organizationID(1)
            _ = try await OrganizationRegistration(pool: world.tenancy.pool, queue: world.tenancy.queue)
                .register(world.tenancy.request(organization.text))
            let consent = world.consent(writes: .none)
            let start = try await consent.begin(organization: organization, environment: nil, cookie: nil)
            let callback = try await world.authorize(start, as: world.orgs[0].usernames[1])
            #expect(
                try await consent.finish(callback, cookie: start.cookie).organization.status == .authorized)
        }
    }

    @Test func `a callback works once and only in its own browser`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try world.organizationID(1)
            _ = try await OrganizationRegistration(pool: world.tenancy.pool, queue: world.tenancy.queue)
                .register(world.tenancy.request(organization.text))
            let consent = world.consent()
            let start = try await consent.begin(organization: organization, environment: nil, cookie: nil)
            let callback = try await world.authorize(start, as: world.orgs[0].usernames[0])
            let other = try await consent.begin(organization: organization, environment: nil, cookie: nil)
            for cookie in [nil, other.cookie, "forged"] {
                await #expect(throws: ConsentRefusal.otherBrowser) {
                    try await consent.finish(callback, cookie: cookie)
                }
            }
            var forged = callback
            forged.state = "forged"
            await #expect(throws: ConsentRefusal.unknownState) {
                try await consent.finish(forged, cookie: start.cookie)
            }
            #expect(
                try await consent.finish(callback, cookie: start.cookie).organization.status == .authorized)
        }
    }

    @Test func `a callback that is loaded again is no alarm while its grant works`() async throws {
        for isLinked in [true, false] {
            try await SimulatedOrgs.run { world in
                let organization = try world.organizationID(1)
                _ = try await OrganizationRegistration(pool: world.tenancy.pool, queue: world.tenancy.queue)
                    .register(world.tenancy.request(organization.text))
                let consent = world.consent()
                let start = try await consent.begin(
                    organization: isLinked ? organization : nil, environment: nil, cookie: nil)
                let other = try await consent.begin(
                    organization: organization, environment: nil, cookie: nil)
                let callback = try await world.authorize(start, as: world.orgs[0].usernames[0])
                let first = try await consent.finish(callback, cookie: start.cookie)
                #expect(!first.isRepeated)
                func notifications() async throws -> Int {
                    try await world.tenancy.pool.query(
                        """
                        select count(*) from multiconnect.notifications
                        where event_type = 'consent_refused' and acknowledged_at is null
                        """
                    ).scalar()
                }
                let again = try await consent.finish(callback, cookie: start.cookie)
                #expect(again.isRepeated && again.organization.id == first.organization.id)
                // The cookie has expired.
                await #expect(throws: ConsentRefusal.usedState) {
                    try await consent.finish(callback, cookie: nil)
                }
                #expect(try await notifications() == 0)
                // A callback from the browser of somebody else.
                await #expect(throws: ConsentRefusal.otherBrowser) {
                    try await consent.finish(callback, cookie: other.cookie)
                }
                #expect(try await notifications() == 1)
                try await world.tenancy.pool.execute("delete from multiconnect.notifications")
                // The grant was revoked: the admin has to start again, and operators hear of it.
                try await world.tenancy.pool.execute("update multiconnect.credentials set revoked_at = now()")
                await #expect(throws: ConsentRefusal.usedState) {
                    try await consent.finish(callback, cookie: start.cookie)
                }
                #expect(try await notifications() == 1)
            }
        }
    }

    @Test func `a state whose consent was refused is used, also for an org that is connected`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try world.organizationID(1)
            _ = try await world.consented()
            let consent = world.consent()
            let start = try await consent.begin(organization: organization, environment: nil, cookie: nil)
            let denial = try await world.authorize(start, as: world.orgs[0].usernames[0], deny: true)
            await #expect(throws: ConsentRefusal.denied("access_denied")) {
                try await consent.finish(denial, cookie: start.cookie)
            }
            let next = try await consent.begin(organization: organization, environment: nil, cookie: nil)
            let callback = try await world.authorize(next, as: world.orgs[0].usernames[0])
            _ = try await consent.finish(callback, cookie: next.cookie)
            await #expect(throws: ConsentRefusal.usedState) {
                try await consent.finish(denial, cookie: start.cookie)
            }
        }
    }

    @Test func `two consents in one browser do not disturb each other`() async throws {
        try await SimulatedOrgs.run { world in
            let consent = world.consent()
            let one = try await consent.begin(organization: nil, environment: nil, cookie: nil)
            let two = try await consent.begin(organization: nil, environment: nil, cookie: one.cookie)
            #expect(two.cookie == one.cookie && two.authorizeURL != one.authorizeURL)
            #expect(try await consent.begin(organization: nil, environment: nil, cookie: "x").cookie != "x")
        }
    }

    @Test func `a denial and a stolen code are refused`() async throws {
        try await SimulatedOrgs.run { world in
            let consent = world.consent()
            let start = try await consent.begin(organization: nil, environment: nil, cookie: nil)
            let denial = try await world.authorize(start, as: world.orgs[0].usernames[0], deny: true)
            await #expect(throws: ConsentRefusal.denied("access_denied")) {
                try await consent.finish(denial, cookie: start.cookie)
            }
            // The code of one consent in the callback of another: the verifier is wrong.
            let victim = try await consent.begin(organization: nil, environment: nil, cookie: nil)
            let attacker = try await consent.begin(organization: nil, environment: nil, cookie: nil)
            var mixed = try await world.authorize(attacker, as: world.orgs[0].usernames[0])
            mixed.code = try await world.authorize(victim, as: world.orgs[0].usernames[0]).code
            await #expect(throws: (any Error).self) {
                try await consent.finish(mixed, cookie: attacker.cookie)
            }
            try await expectNothingStored(world)
        }
    }

    @Test func `a consent of a live tenant replaces its tokens and nothing else`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            try await world.tenancy.pool.execute("update multiconnect.organizations set status = 'live'")
            let start = try await world.consent().begin(
                organization: organization.organizationID, environment: nil, cookie: nil)
            let callback = try await world.authorize(start, as: world.orgs[0].usernames[0])
            let again = try await world.consent().finish(callback, cookie: start.cookie).organization
            #expect(again.status == .live && again.id == organization.id)
            #expect(try await world.tokens.token(for: organization.id, refused: nil).version == 2)
        }
    }

    /// The activity and the open notifications of an org.
    private func record(_ world: SimulatedOrgs, _ organization: UUID) async throws -> (
        activity: [ActivityRecord], open: [String]
    ) {
        try await world.tenancy.pool.withConnection { connection in
            (
                try await ActivityStore(on: connection).list(organization: organization),
                try await NotificationStore(on: connection).open(organization: organization).map(\.message)
            )
        }
    }

    @Test func `a refused consent is recorded and notified until the next consent`()
        async throws
    {
        try await SimulatedOrgs.run { world in
            let id = try world.organizationID(1)
            _ = try await OrganizationRegistration(pool: world.tenancy.pool, queue: world.tenancy.queue)
                .register(world.tenancy.request(id.text))
            let tenant = try #require(
                try await world.tenancy.pool.withConnection { try await OrganizationStore(on: $0).find(id) })
            let consent = world.consent()
            // Without a link: only Salesforce names the org.
            let reader = world.orgs[0].usernames[1]
            let unbound = try await consent.begin(organization: nil, environment: nil, cookie: nil)
            let callback = try await world.authorize(unbound, as: reader)
            await #expect(throws: ConsentRefusal.self) {
                try await consent.finish(callback, cookie: unbound.cookie)
            }
            // With the link: Salesforce answers only a denial.
            let bound = try await consent.begin(organization: id, environment: nil, cookie: nil)
            let denial = try await world.authorize(bound, as: reader, deny: true)
            await #expect(throws: ConsentRefusal.denied("access_denied")) {
                try await consent.finish(denial, cookie: bound.cookie)
            }
            // With the link, too late.
            let late = try await consent.begin(organization: id, environment: nil, cookie: nil)
            let expired = try await world.authorize(late, as: world.orgs[0].usernames[0])
            try await world.tenancy.pool.execute("update multiconnect.consents set expires_at = now()")
            await #expect(throws: ConsentRefusal.expiredState) {
                try await consent.finish(expired, cookie: late.cookie)
            }
            let after = try await record(world, tenant.id)
            let refused = after.activity.filter { $0.action == "consent_refused" }.compactMap(\.detail)
            #expect(refused.count == 3 && refused.contains { $0.contains("expired_state") })
            #expect(refused.contains { $0.contains("missing_rights") && $0.contains(reader) })
            #expect(refused.contains { $0.contains("access_denied") })
            #expect(after.open.count == 1)
            _ = try await world.consented()
            #expect(try await record(world, tenant.id).open.isEmpty)
        }
    }

    @Test func `a new consent closes the notification of a revoked grant`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            try await world.fault(#"{"kind":"revoke_refresh_tokens"}"#)
            await #expect(throws: OrganizationsError.self) {
                try await world.sessions.rest(for: organization.id).describe("Account")
            }
            #expect(try await record(world, organization.id).open.count == 1)
            _ = try await world.consented()
            #expect(try await record(world, organization.id).open.isEmpty)
        }
    }

    @Test func `an admin is never sent to a My Domain that only a stranger has named`() async throws {
        try await SimulatedOrgs.run { world in
            let hosts = try HostRule(loginURL: "https://login.salesforce.com")
            func begin() async throws -> String {
                let consent = Consent(
                    pool: world.tenancy.pool, queue: world.tenancy.queue, keys: world.tenancy.keys,
                    oauth: OAuthClient(app: world.oauth.app, hosts: hosts, http: world.http),
                    http: world.http,
                    writes: .none, logger: Logger(label: "test"))
                let start = try await consent.begin(
                    organization: try world.organizationID(1), environment: nil, cookie: nil)
                return try #require(URLComponents(string: start.authorizeURL)?.host)
            }
            let registration = OrganizationRegistration(
                pool: world.tenancy.pool, queue: world.tenancy.queue)
            func register(_ host: String?, source: String?) async throws {
                _ = try await registration.register(
                    world.tenancy.request(world.orgs[0].id, environment: host.map { .myDomain($0) }),
                    source: source)
            }
            try await register("evil.my.salesforce.com", source: "203.0.113.9")
            #expect(try await begin() == "login.salesforce.com")
            // A signed call that names no environment does not confirm the stranger's.
            try await register(nil, source: nil)
            #expect(try await begin() == "login.salesforce.com")
            try await register("acme.my.salesforce.com", source: nil)
            #expect(try await begin() == "acme.my.salesforce.com")
            try await register(nil, source: "203.0.113.9")
            #expect(try await begin() == "acme.my.salesforce.com")
            try await register("evil.my.salesforce.com", source: "203.0.113.9")
            #expect(try await begin() == "login.salesforce.com")
            try await world.tenancy.pool.execute(
                "update multiconnect.organizations set authorized_at = now(), environment = 'acme.my.salesforce.com'"
            )
            #expect(try await begin() == "acme.my.salesforce.com")
        }
    }

    @Test func `a new org's My Domain is confirmed only by a signed registration`() async throws {
        try await Tenancy.run { tenancy in
            let registration = OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            for (id, source, isConfirmed) in [
                ("00D090000083B1pEAE", "203.0.113.9", false), ("00D5f000005mc66EAA", nil, true),
            ] {
                let outcome = try await registration.register(
                    tenancy.request(id, environment: .myDomain("acme.my.salesforce.com")), source: source)
                guard case .accepted(let organization, _) = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
                #expect(organization.isEnvironmentConfirmed == isConfirmed)
            }
        }
    }

    @Test func `operators see a consent that ended with an error until one succeeds`() async throws {
        try await SimulatedOrgs.run { world in
            let id = try world.organizationID(1)
            _ = try await OrganizationRegistration(pool: world.tenancy.pool, queue: world.tenancy.queue)
                .register(world.tenancy.request(id.text))
            let tenant = try #require(
                try await world.tenancy.pool.withConnection { try await OrganizationStore(on: $0).find(id) })
            for _ in 0..<2 {
                let start = try await world.consent().begin(organization: id, environment: nil, cookie: nil)
                let callback = try await world.authorize(start, as: world.orgs[0].usernames[0])
                try await world.fault(
                    #"{"kind":"fail","path":"/services/oauth2/token","status":503,"count":1}"#)
                await #expect(throws: SalesforceError.self) {
                    try await world.consent().finish(callback, cookie: start.cookie)
                }
            }
            let open = try await record(world, tenant.id).open
            #expect(open.count == 1 && open.first?.contains("HTTP 503") == true)
            try await expectNothingStored(world)
            _ = try await world.consented()
            #expect(try await record(world, tenant.id).open.isEmpty)
        }
    }

    @Test func `repeated refusals are recorded a limited number of times`() async throws {
        try await SimulatedOrgs.run { world in
            let id = try world.organizationID(1)
            let registration = OrganizationRegistration(pool: world.tenancy.pool, queue: world.tenancy.queue)
            guard
                case .accepted(let tenant, _) = try await registration.register(
                    world.tenancy.request(id.text))
            else { return }
            let consent = world.consent()
            let start = try await consent.begin(organization: id, environment: nil, cookie: nil)
            let denial = try await world.authorize(start, as: world.orgs[0].usernames[0], deny: true)
            for _ in 0..<25 {
                await #expect(throws: ConsentRefusal.self) {
                    try await consent.finish(denial, cookie: start.cookie)
                }
            }
            let after = try await record(world, tenant.id)
            #expect(after.activity.count { $0.action == "consent_refused" } == 20)
            #expect(after.open.count == 1)
        }
    }
}

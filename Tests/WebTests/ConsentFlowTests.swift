import Foundation
import HTTPClient
import OrgSimulator
import Postgres
import Reactor
import Support
import Testing

@testable import Web

/// An admin's consent in a browser, with the org simulator as Salesforce.
@Suite(.tags(.store))
struct ConsentFlowTests {
    @Test func `an admin consents and the org is authorized, once`() async throws {
        try await withConsent { rig, orgs in
            try await rig.registerOrg(orgs[0])
            let browser = AdminBrowser(rig: rig)
            let (page, callback) = try await browser.consent(orgs[0], as: orgs[0].usernames[0])
            #expect(page.status == 200 && page.text.contains("Your org is connected"))
            #expect(page.text.contains(orgs[0].id) && page.text.contains("Org \(orgs[0].number)</strong>"))
            #expect(page.text.contains("What happens next") && page.text.contains("connected to Acme Sync"))
            #expect(try await rig.statuses() == [orgs[0].id + " authorized"])
            #expect(try await rig.count("credentials") == 2)
            let classes = try await rig.pool.query("select class from multiconnect.jobs order by created_at")
                .column(
                    as: String.self)
            #expect(classes == ["SendConsentMail", "ProvisionOrganization"])
            let replayed = try await browser.open(callback)
            #expect(replayed.status == 200 && replayed.text.contains("Your org is already connected"))
            #expect(replayed.text.contains(orgs[0].id))
            #expect(try await rig.count("jobs") == 2)
            // The browser without its cookie, as after 15 minutes.
            let late = try await AdminBrowser(rig: rig).open(callback)
            #expect(late.status == 400 && late.text.contains("already used"))
            #expect(!late.text.contains(orgs[0].id))
            #expect(try await rig.count("notifications") == 0)
        }
    }

    @Test func `the page after a second consent of a live org says that its tables stay`() async throws {
        try await withConsent { rig, orgs in
            try await rig.registerOrg(orgs[0])
            let (first, _) = try await AdminBrowser(rig: rig).consent(orgs[0], as: orgs[0].usernames[0])
            #expect(first.text.contains("tables are now created"))
            try await rig.pool.execute("update multiconnect.organizations set status = 'live'")
            let (again, _) = try await AdminBrowser(rig: rig).consent(orgs[0], as: orgs[0].usernames[0])
            #expect(again.status == 200 && again.text.contains("Its tables and records stay"))
            #expect(!again.text.contains("tables are now created"))
        }
    }

    @Test func `the page after a new consent of an org with tables says that the sync continues`()
        async throws
    {
        try await withConsent { rig, orgs in
            try await rig.registerOrg(orgs[0])
            _ = try await AdminBrowser(rig: rig).consent(orgs[0], as: orgs[0].usernames[0])
            try await rig.pool.execute(
                """
                insert into multiconnect.mappings (connection_id, object_name, config, import_finished_at)
                select id, 'Account', '{}', now() from multiconnect.connections
                """)
            try await rig.pool.execute("update multiconnect.organizations set status = 'unauthorized'")
            let (page, _) = try await AdminBrowser(rig: rig).consent(orgs[0], as: orgs[0].usernames[0])
            #expect(page.status == 200 && page.text.contains("records stay, and the sync continues"))
            #expect(!page.text.contains("tables are now created"))
            #expect(try await rig.statuses() == [orgs[0].id + " authorized"])
        }
    }

    @Test func `the browser returns to an allowed address, and to no other`() async throws {
        let allowed = "http://localhost:18000/done?a=b"
        for (next, isAllowed) in [
            (allowed, true), ("/dashboard", true), ("https://evil.example/", false),
            ("http://localhost:18000@evil.example/", false), ("//evil.example", false),
        ] {
            try await withConsent({ $0.returnOrigins = ["http://localhost:18000"] }) { rig, orgs in
                try await rig.registerOrg(orgs[0])
                let browser = AdminBrowser(rig: rig)
                let (page, _) = try await browser.consent(orgs[0], as: orgs[0].usernames[0], next: next)
                #expect(page.status == (isAllowed ? 303 : 200), "\(next)")
                #expect(page.headers["Location"] == (isAllowed ? next : nil))
                #expect(try await rig.statuses() == [orgs[0].id + " authorized"])
            }
        }
    }

    @Test func `orgs whose ids differ only in case are different tenants`() async throws {
        try await withConsent { rig, orgs in
            #expect(
                orgs[0].id != orgs[1].id
                    && orgs[0].id.prefix(15).lowercased() == orgs[1].id.prefix(15).lowercased())
            for org in orgs.prefix(2) {
                try await rig.registerOrg(org)
                let (page, _) = try await AdminBrowser(rig: rig).consent(org, as: org.usernames[0])
                #expect(page.status == 200 && page.text.contains(org.id))
            }
            #expect(try await rig.statuses() == orgs.prefix(2).map { $0.id + " authorized" }.sorted())
        }
    }

    @Test func `without the link in the mail, Salesforce's answer names the org`() async throws {
        try await withConsent { rig, orgs in
            try await rig.registerOrg(orgs[1])
            let (page, _) = try await AdminBrowser(rig: rig).consent(nil, as: orgs[1].usernames[0])
            #expect(page.status == 200)
            #expect(try await rig.statuses() == [orgs[1].id + " authorized"])
        }
    }

    @Test func `an unregistered org gets a clear page, and nothing is stored`() async throws {
        try await withConsent { rig, orgs in
            let (page, _) = try await AdminBrowser(rig: rig).consent(nil, as: orgs[0].usernames[0])
            #expect(page.status == 404 && page.text.contains("\(orgs[0].id) is not registered"))
            #expect(try await rig.count("credentials") == 0)
        }
    }

    @Test func `the page for a user without permissions names them, and nothing is stored`() async throws {
        try await withConsent { rig, orgs in
            try await rig.registerOrg(orgs[0])
            let missing = ["reader": "Modify All Data", "limited": "View All Data", "noapi": "API Enabled"]
            for (name, right) in missing {
                let user = try #require(orgs[0].usernames.first { $0.hasPrefix(name) })
                let (page, _) = try await AdminBrowser(rig: rig).consent(orgs[0], as: user)
                #expect(page.status == 403 && page.text.contains(right) && page.text.contains(user))
            }
            #expect(try await rig.statuses() == [orgs[0].id + " registered"])
            #expect(try await rig.count("credentials") == 0)
        }
    }

    @Test func `a login to a different org than the link's is refused`() async throws {
        try await withConsent { rig, orgs in
            try await rig.registerOrg(orgs[0])
            try await rig.registerOrg(orgs[1])
            let (page, _) = try await AdminBrowser(rig: rig).consent(orgs[0], as: orgs[1].usernames[0])
            #expect(page.status == 403)
            #expect(page.text.contains(orgs[0].id) && page.text.contains(orgs[1].id))
            #expect(try await rig.count("credentials") == 0)
        }
    }

    @Test func `the page after a denied consent says that nothing was stored`() async throws {
        try await withConsent { rig, orgs in
            try await rig.registerOrg(orgs[0])
            let (page, _) = try await AdminBrowser(rig: rig).consent(
                orgs[0], as: orgs[0].usernames[0], decision: "deny")
            #expect(page.status == 403 && page.text.contains("access_denied"))
            #expect(try await rig.count("credentials") == 0)
        }
    }

    @Test func `a callback in a different browser is refused`() async throws {
        try await withConsent { rig, orgs in
            try await rig.registerOrg(orgs[0])
            let victim = AdminBrowser(rig: rig)
            let callback = try await victim.begin(orgs[0], as: orgs[0].usernames[0], decision: "allow")
            let other = AdminBrowser(rig: rig)
            _ = try await other.begin(orgs[0], as: orgs[0].usernames[0], decision: "allow")
            let page = try await other.open(callback)
            #expect(page.status == 400 && page.text.contains("another browser"))
            #expect(try await rig.count("credentials") == 0)
        }
    }
}

extension WebRig {
    func registerOrg(_ org: Simulator.OrgSummary) async throws {
        let body =
            #"{"org_id":"\#(org.id)","org_name":"Org \#(org.number)","admin_email":"admin\#(org.number)@acme.example"}"#
        #expect(try await register(body).status == 202)
    }

    func statuses() async throws -> [String] {
        try await pool.query("select org_id || ' ' || status from multiconnect.organizations").column(
            as: String.self
        )
        .sorted()
    }

    func count(_ table: String) async throws -> Int {
        try await pool.query("select count(*) from multiconnect.\(identifier: table)").scalar()
    }
}

private func withConsent(
    _ change: @escaping @Sendable (inout WebRig.Options) -> Void = { _ in },
    _ body: @concurrent @Sendable (WebRig, [Simulator.OrgSummary]) async throws -> Void
) async throws {
    try await withSimulatedOrgs(2) { orgs, loginURL in
        var options = WebRig.Options(loginURL: loginURL)
        change(&options)
        try await withWebRig(options) { rig in try await body(rig, orgs) }
    }
}

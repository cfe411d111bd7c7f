import Foundation
import HTTPClient
import OrgSimulator
import Support
import Testing

@testable import Web

/// The link that starts a failed consent again.
@Suite(.tags(.store))
struct ConsentFailureTests {
    private func again(_ page: ClientResponse) throws -> String {
        let mark = try #require(page.text.firstRange(of: "<a class=\"again\" href=\""), "\(page.text)")
        return String(page.text[mark.upperBound...].prefix { $0 != "\"" }).replacing("&amp;", with: "&")
    }

    @Test func `a denied consent starts again with the org and the return address of its link`() async throws
    {
        try await withSimulatedOrgs(1) { orgs, loginURL in
            try await withWebRig(WebRig.Options(loginURL: loginURL)) { rig in
                let org = orgs[0]
                try await rig.registerOrg(org)
                let browser = AdminBrowser(rig: rig)
                let (denied, callback) = try await browser.consent(
                    org, as: org.usernames[0], decision: "deny", next: "/done?a=b&c=d")
                #expect(denied.status == 403)
                let link = try again(denied)
                #expect(link == "/authenticate?org_id=\(org.id)&next=%2Fdone%3Fa%3Db%26c%3Dd")
                let page = try await browser.open(link)
                #expect(page.status == 200 && page.text.contains("<code>\(org.id)</code>"))
                #expect(page.text.contains("&amp;next=%2Fdone%3Fa%3Db%26c%3Dd"))
                // The used state in another browser says nothing about the org.
                let other = try await AdminBrowser(rig: rig).open(callback)
                #expect(other.status == 400)
                #expect(try again(other) == "/authenticate")
                let (done, _) = try await browser.consent(
                    org, as: org.usernames[0], next: "/done?a=b&c=d")
                #expect(done.status == 303 && done.headers["Location"] == "/done?a=b&c=d")
            }
        }
    }

    @Test func `a login to a different org starts again with the org of the link`() async throws {
        try await withSimulatedOrgs(2) { orgs, loginURL in
            try await withWebRig(WebRig.Options(loginURL: loginURL)) { rig in
                for org in orgs.prefix(2) { try await rig.registerOrg(org) }
                let browser = AdminBrowser(rig: rig)
                let (page, _) = try await browser.consent(orgs[0], as: orgs[1].usernames[0])
                #expect(page.status == 403)
                #expect(try again(page) == "/authenticate?org_id=\(orgs[0].id)")
            }
        }
    }

    @Test func `the pages of all other failures have the link too`() async throws {
        // Nothing listens at the URL of Salesforce.
        try await withWebRig { rig in
            let browser = AdminBrowser(rig: rig)
            let begun = try await browser.open("/auth/salesforce")
            let location = try #require(begun.headers["Location"].flatMap { URLComponents(string: $0) })
            let state = try #require(location.queryItems?.first { $0.name == "state" }?.value)
            let silent = try await browser.open("/auth/salesforce/callback?state=\(state)&code=x")
            #expect(silent.status == 503 && silent.text.contains("Salesforce does not answer"))
            #expect(try again(silent) == "/authenticate")
            let unknown = "00D000000000001EAA"
            let absent = try await browser.open("/auth/salesforce?org_id=\(unknown)")
            #expect(absent.status == 404)
            #expect(try again(absent) == "/authenticate?org_id=\(unknown)")
            for path in ["/auth/failure?reason=denied", "/auth/salesforce/callback", "/auth/failure"] {
                let page = try await browser.open(path)
                #expect(page.status == 400, "\(path)")
                #expect(try await browser.open(try again(page)).status == 200)
            }
            for number in 0..<200 {
                let limited = try await browser.open("/auth/salesforce?org_id=\(unknown)")
                guard limited.status == 429 else { continue }
                #expect(number > 0 && limited.headers["Retry-After"] != nil)
                #expect(try again(limited) == "/authenticate?org_id=\(unknown)")
                return
            }
            Issue.record("no attempt was limited")
        }
    }

    @Test func `a refused choice keeps the return address`() async throws {
        try await withWebRig { rig in
            let page = try await rig.get("/auth/salesforce?domain=evil.example&next=%2Fdone")
            #expect(page.status == 400 && page.text.contains(#"name="next" value="/done""#))
        }
    }
}

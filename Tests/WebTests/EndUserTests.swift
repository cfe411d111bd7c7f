import Encoding
import Foundation
import HTTPClient
import HTTPServer
import OrgSimulator
import Postgres
import Support
import Testing

@testable import Web

/// End users who log in with their own accounts, and call their org through us.
@Suite(.tags(.store))
struct EndUserTests {
    private static let records = "/api/salesforce/sobjects"

    private func withUsers(
        rules: [String: [String]] = ["Account": ["read", "query", "create", "update", "delete"]],
        limits: EndUserLimits = EndUserLimits(),
        _ body: @concurrent @Sendable (WebRig, [Simulator.OrgSummary], String) async throws -> Void
    ) async throws {
        try await withSimulatedOrgs(2) { orgs, loginURL in
            var options = WebRig.Options(loginURL: loginURL)
            options.endUserLimits = limits
            try await withWebRig(options) { rig in
                try await rig.registerOrg(orgs[0])
                try await rig.pool.execute("update multiconnect.organizations set status = 'live'")
                for (object, verbs) in rules {
                    try await rig.pool.execute(
                        """
                        insert into multiconnect.end_user_access (organization_id, object_name, verbs)
                        select id, \(object), \(verbs) from multiconnect.organizations
                        """)
                }
                try await body(rig, orgs, loginURL)
            }
        }
    }

    @Test func `an end user works with records under the user's own name`() async throws {
        try await withUsers { rig, orgs, loginURL in
            let browser = EndUserBrowser(rig: rig)
            let done = try await browser.login(as: orgs[0].usernames[0])
            #expect(done.status == 303 && done.headers["Location"] == "/records", "\(done.text)")
            let me = try await browser.send("GET", "/api/me").json()
            #expect(me["username"] as? String == orgs[0].usernames[0])
            #expect(me["organizationId"] as? String == orgs[0].id)
            let made = try await browser.change("POST", "\(Self.records)/Account", #"{"Name":"Own"}"#)
            #expect(made.status == 201, "\(made.text)")
            let id = try #require(made.json()["id"] as? String)
            let path = "\(Self.records)/Account/\(id)"
            #expect(try await browser.change("PATCH", path, #"{"Name":"Changed"}"#).status == 204)
            let read = try await browser.send("GET", path + "?fields=Id,Name")
            #expect(read.status == 200 && read.text.contains("Changed") && !read.text.contains("Phone"))
            #expect(read.headers["Cache-Control"] == "no-store")
            let soql = PercentCoding.encode("SELECT Id, Name FROM Account WHERE Name = 'Changed'")
            let found = try await browser.send("GET", "/api/salesforce/query?q=\(soql)")
            #expect(found.status == 200 && found.text.contains(id))
            #expect(try await browser.send("GET", "\(Self.records)/Account/describe").status == 200)
            #expect(try await browser.change("DELETE", path).status == 204)
            let gone = try await browser.send("GET", path)
            #expect(gone.status == 404 && gone.text.contains("errorCode"))
            #expect(try await rig.count("credentials") == 0)
            let sealed: [UInt8] = try await rig.pool.query(
                "select access_token from multiconnect.end_user_sessions"
            ).scalar()
            #expect(!String(decoding: sealed, as: UTF8.self).contains(String(orgs[0].id.prefix(15))))
        }
    }

    @Test func `access is off without rules, and the rules name objects and verbs`() async throws {
        try await withUsers(rules: [:]) { rig, orgs, _ in
            let browser = EndUserBrowser(rig: rig)
            let refused = try await browser.login(as: orgs[0].usernames[0])
            #expect(refused.status == 403 && refused.text.contains("may not use"))
            #expect(browser.cookie("multiconnect_user") == nil)
            let stranger = try await browser.login(as: orgs[1].usernames[0])
            #expect(stranger.status == 404 && stranger.text.contains("not connected"))
        }
        try await withUsers(rules: ["account": ["read"]]) { rig, orgs, _ in
            let browser = EndUserBrowser(rig: rig)
            _ = try await browser.login(as: orgs[0].usernames[0])
            #expect(try await browser.send("GET", "\(Self.records)/Account/describe").status == 200)
            let soql = PercentCoding.encode("SELECT Id FROM Account")
            #expect(try await browser.send("GET", "/api/salesforce/query?q=\(soql)").status == 403)
            #expect(
                try await browser.change("POST", "\(Self.records)/Account", #"{"Name":"x"}"#).status == 403)
            #expect(try await browser.send("GET", "\(Self.records)/Contact/describe").status == 403)
            // The last rule ends the sessions.
            try await rig.pool.execute("delete from multiconnect.end_user_access")
            #expect(try await browser.send("GET", "/api/me").status == 401)
        }
    }

    @Test func `paths cannot leave the object`() async throws {
        try await withUsers { rig, orgs, _ in
            let browser = EndUserBrowser(rig: rig)
            _ = try await browser.login(as: orgs[0].usernames[0])
            for path in [
                "\(Self.records)/Account/../Contact/describe",
                "\(Self.records)/Account%2F..%2FContact/describe",
                "\(Self.records)/Account/%2e%2e/limits", "\(Self.records)/Account%2Fdescribe/0010000000000AB",
                "\(Self.records)/Account/001%2F..%2Flimits", "\(Self.records)/Account;x/describe",
                "\(Self.records)/Account/0010000000000AB%3Ffields=Name", "\(Self.records)/Account/x",
                "\(Self.records)/Account%00/describe", "/api/salesforce/limits", "/api/salesforce//limits",
                "/api/salesforce/https://evil.example/x", "/api/salesforce/sobjects//evil.example/x",
                "/api/salesforce/query/01g000000000001-2000", "/api/salesforce/composite",
                "\(Self.records)/Account/0010000000000AB?fields=Owner.Email",
                "/api/salesforce/query?q=SELECT%20Id%20FROM%20Contact",
                "/api/salesforce/query?q=SELECT%20Id,(SELECT%20Id%20FROM%20Contacts)%20FROM%20Account",
            ] {
                let answer = try await browser.send("GET", path)
                #expect([400, 403, 404, 405].contains(answer.status), "\(path): \(answer.status)")
            }
            #expect(try await browser.change("PUT", "\(Self.records)/Account/0010000000000AB").status >= 400)
            for body in ["[]", "{}", "x", #"{"Owner":{"Email":"x"}}"#, #"{"attributes":{"type":"Contact"}}"#]
            {
                let answer = try await browser.change("POST", "\(Self.records)/Account", body)
                #expect(answer.status == 400, "\(body)")
            }
        }
    }

    @Test func `another site can change nothing, and read nothing`() async throws {
        try await withUsers { rig, orgs, _ in
            let browser = EndUserBrowser(rig: rig)
            _ = try await browser.login(as: orgs[0].usernames[0])
            let json = (name: "Content-Type", value: "application/json")
            let path = "\(Self.records)/Account"
            let token = try await browser.csrfToken()
            let cases: [[(name: String, value: String)]] = [
                [json], [json, ("X-CSRF-Token", "wrong")],
                [json, ("X-CSRF-Token", String(token.dropLast()))],
                [json, ("X-CSRF-Token", token), ("Origin", "https://evil.example")],
                [json, ("X-CSRF-Token", token), ("Origin", "null")],
                [json, ("X-CSRF-Token", token), ("Sec-Fetch-Site", "cross-site")],
            ]
            for headers in cases {
                #expect(try await browser.send("POST", path, headers, body: #"{"Name":"x"}"#).status == 403)
            }
            let site = (name: "Sec-Fetch-Site", value: "cross-site")
            #expect(try await browser.send("GET", "/api/me", [site]).status == 403)
            #expect(try await browser.send("GET", "\(path)/describe", [site]).status == 403)
            #expect(try await browser.send("GET", "/api/me", withCookies: false).status == 401)
            let own = [json, (name: "X-CSRF-Token", value: token), (name: "Origin", value: rig.origin)]
            #expect(try await browser.send("POST", path, own, body: #"{"Name":"x"}"#).status == 201)
            // Another user's token is not this user's.
            let other = EndUserBrowser(rig: rig)
            _ = try await other.login(as: orgs[0].usernames[1])
            #expect(
                try await other.send("POST", path, [json, ("X-CSRF-Token", token)], body: #"{"Name":"x"}"#)
                    .status == 403)
        }
    }

    @Test func `a login belongs to its browser, works once, and returns to this host only`() async throws {
        try await withUsers { rig, orgs, _ in
            let browser = EndUserBrowser(rig: rig)
            let callback = try await browser.callback(as: orgs[0].usernames[0])
            let thief = EndUserBrowser(rig: rig)
            #expect(try await thief.send("GET", callback).status == 400)
            #expect(try await browser.send("GET", callback).status == 303)
            #expect(try await browser.send("GET", callback).status == 400)
            for path in ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "/%0d%0aX: y"] {
                let answer = try await browser.login(
                    as: orgs[0].usernames[0], "return=\(PercentCoding.encode(path))")
                let target = answer.headers["Location"]
                #expect(target == "/" || target == "/%0d%0aX:", "\(path): \(target ?? "none")")
            }
            #expect(try await browser.send("GET", "/login?environment=evil.example").status == 400)
        }
    }

    @Test func `a logout, and the end of the token in Salesforce, end the session`() async throws {
        try await withUsers { rig, orgs, loginURL in
            let browser = EndUserBrowser(rig: rig)
            _ = try await browser.login(as: orgs[0].usernames[0])
            let cookie = try #require(browser.cookie("multiconnect_user"))
            #expect(try await browser.send("POST", "/api/logout").status == 403)
            #expect(try await browser.change("POST", "/api/logout").status == 204)
            let replayed = try await rig.get("/api/me", [("Cookie", "multiconnect_user=\(cookie)")])
            #expect(replayed.status == 401)
            _ = try await browser.login(as: orgs[0].usernames[0])
            _ = try await rig.http.send(
                ClientRequest(
                    method: "POST", url: loginURL + "/simulator/faults",
                    body: Array(#"{"kind":"expire_access_tokens"}"#.utf8)))
            let ended = try await browser.send("GET", "\(Self.records)/Account/describe")
            #expect(ended.status == 401 && ended.text.contains("/login"), "\(ended.text)")
        }
    }

    @Test func `calls of one user are limited`() async throws {
        let slow = RateLimiter(rate: TokenBucket.Rate(burst: 3, refill: .seconds(600)))
        try await withUsers(limits: EndUserLimits(calls: slow)) { rig, orgs, _ in
            let browser = EndUserBrowser(rig: rig)
            _ = try await browser.login(as: orgs[0].usernames[0])
            var statuses: [Int] = []
            for _ in 0..<4 { statuses.append(try await browser.send("GET", "/api/me").status) }
            #expect(statuses == [200, 200, 200, 429])
            let other = EndUserBrowser(rig: rig)
            _ = try await other.login(as: orgs[0].usernames[1])
            #expect(try await other.send("GET", "/api/me").status == 200)
        }
    }
}

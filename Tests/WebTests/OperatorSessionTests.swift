import Cryptography
import Foundation
import HTTPClient
import HTTPServer
import HTTPWire
import Jobs
import Postgres
import Support
import Testing

@testable import Dashboard
@testable import Pages

/// The login form, sessions, and the role of viewers.
@Suite(.tags(.store))
struct OperatorSessionTests {
    /// A browser that logs in by the form and keeps its cookies.
    private struct FormBrowser: Sendable {
        let rig: WebRig
        var cookies: [String: String] = [:]

        private var cookieField: [(name: String, value: String)] {
            cookies.isEmpty
                ? []
                : [("Cookie", cookies.map { "\($0)=\($1)" }.sorted().joined(separator: "; "))]
        }

        private mutating func keep(_ answer: ClientResponse) {
            for field in answer.headers.values("set-cookie") {
                let pair = field.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1).map(String.init)
                if pair.count == 2, !field.contains("Max-Age=0") {
                    cookies[pair[0]] = pair[1]
                } else {
                    cookies[String(field.prefix { $0 != "=" })] = nil
                }
            }
        }

        mutating func get(_ path: String) async throws -> ClientResponse {
            let answer = try await rig.get(path, [("Accept", "text/html,*/*;q=0.8")] + cookieField)
            keep(answer)
            return answer
        }

        mutating func post(
            _ path: String, _ fields: [String: String], from page: String, origin: String? = nil
        ) async throws -> ClientResponse {
            let text = try await get(page).text
            let code = text.firstMatch(of: /name="form_token" value="([^"]*)"/).map { String($0.output.1) }
            return try await send(path, fields.merging(["form_token": code ?? ""]) { $1 }, origin)
        }

        mutating func send(
            _ path: String, _ fields: [String: String], _ origin: String? = nil
        ) async throws -> ClientResponse {
            let body = fields.map { name, value in
                "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
            }.joined(separator: "&")
            let answer = try await rig.http.send(
                ClientRequest(
                    method: "POST", url: rig.origin + path,
                    headers: [
                        ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "text/html"),
                        ("Origin", origin ?? rig.origin),
                    ] + cookieField, body: Array(body.utf8)))
            keep(answer)
            return answer
        }

        mutating func logIn(
            _ name: String, _ password: String, to destination: String = "/dashboard"
        ) async throws -> ClientResponse {
            try await post(
                "/dashboard/login", ["name": name, "password": password, "to": destination],
                from: "/dashboard/login")
        }
    }

    private func withForm(
        isSecure: Bool = false, _ body: @concurrent @Sendable (FormBrowser) async throws -> Void
    ) async throws {
        var options = WebRig.Options()
        options.operators = ("ann", Secret(text: "correct horse"))
        options.viewers = ("vic", Secret(text: "only looking"))
        if isSecure { options.appURL = "https://sync.example" }
        try await withWebRig(options) { try await body(FormBrowser(rig: $0)) }
    }

    @Test func `a browser without a login gets the form, and after it the page that it asked for`()
        async throws
    {
        try await withForm { browser in
            var browser = browser
            let asked = try await browser.get("/dashboard/jobs?state=dead")
            #expect(asked.status == 302)
            let place = try #require(asked.headers["location"])
            #expect(place == "/dashboard/login?to=%2Fdashboard%2Fjobs%3Fstate%3Ddead", "\(place)")
            let form = try await browser.get(place)
            #expect(form.status == 200 && form.headers["www-authenticate"] == nil)
            #expect(form.text.contains("value=\"/dashboard/jobs?state=dead\""))
            let wrong = try await browser.logIn("ann", "wrong")
            #expect(wrong.status == 401 && wrong.text.contains("Wrong name or password"))
            #expect(browser.cookies[SessionCookie.name] == nil)
            let right = try await browser.logIn("ann", "correct horse", to: "/dashboard/jobs?state=dead")
            #expect(right.status == 303 && right.headers["location"] == "/dashboard/jobs?state=dead")
            let cookie = try #require(
                right.headers.values("set-cookie").first { $0.hasPrefix(SessionCookie.name) })
            for part in ["HttpOnly", "SameSite=Lax", "Path=/dashboard", "Max-Age=43200"] {
                #expect(cookie.contains(part), "\(part)")
            }
            #expect(try await browser.get("/dashboard/jobs?state=dead").status == 200)
            let actions: [String] = try await browser.rig.pool.query(
                "select actor || ' ' || action from multiconnect.activity"
            ).column()
            #expect(actions == ["ann (web) operator_login"])
        }
        try await withForm(isSecure: true) { browser in
            var browser = browser
            let code = try await browser.get("/dashboard/login")
            #expect(code.headers.values("set-cookie").allSatisfy { $0.contains("; Secure") })
        }
    }

    @Test(arguments: [
        "https://evil.example/", "//evil.example", "/dashboard/\r\nSet-Cookie: a=b", "/dashboard\\evil",
        "/dashboardevil", "/dashboard/login", "javascript:alert(1)", "",
    ])
    func `the login leads to pages of the dashboard only`(text: String) {
        #expect(AccessRoutes.destination(text) == "/dashboard")
        #expect(AccessRoutes.destination("/dashboard/tenants?q=a") == "/dashboard/tenants?q=a")
    }

    @Test func `the login form needs its token, and a page of our own`() async throws {
        try await withForm { browser in
            var browser = browser
            let fields = ["name": "ann", "password": "correct horse"]
            #expect(try await browser.send("/dashboard/login", fields).status == 403)
            let foreign = try await browser.post(
                "/dashboard/login", fields, from: "/dashboard/login", origin: "https://evil.example")
            #expect(foreign.status == 403 && browser.cookies[SessionCookie.name] == nil)
        }
    }

    @Test func `wrong passwords are slowed, also by the form, and sessions go on`() async throws {
        try await withForm { browser in
            var (browser, stranger) = (browser, browser)
            _ = try await browser.logIn("ann", "correct horse")
            var last: ClientResponse?
            for _ in 0..<12 {
                last = try await stranger.logIn("ann", "guess")
                if last?.status == 429 { break }
            }
            #expect(last?.status == 429 && last?.headers["retry-after"] != nil)
            #expect(try await stranger.logIn("ann", "correct horse").status == 429)
            #expect(try await browser.get("/dashboard/jobs").status == 200)
        }
    }

    @Test func `a session ends with its logout, with its revocation, and at its expiry`() async throws {
        try await withForm { browser in
            var browser = browser
            func isIn(_ browser: inout FormBrowser) async throws -> Bool {
                try await browser.get("/dashboard/jobs").status == 200
            }
            _ = try await browser.logIn("ann", "correct horse")
            var copy = browser
            #expect(try await isIn(&copy))
            #expect(
                try await browser.post("/dashboard/logout", [:], from: "/dashboard/account").headers[
                    "location"] == "/dashboard/login")
            #expect(browser.cookies[SessionCookie.name] == nil)
            // The cookie that somebody has kept is of no use.
            #expect(try await isIn(&copy) == false)

            _ = try await browser.logIn("ann", "correct horse")
            var other = FormBrowser(rig: browser.rig)
            _ = try await other.logIn("vic", "only looking")
            let account = try await browser.get("/dashboard/account").text
            #expect(account.contains("vic") && account.contains("this one"))
            let ended = try await browser.post(
                "/dashboard/account/end", ["session": "all"], from: "/dashboard/account")
            #expect(ended.status == 303)
            #expect(try await isIn(&browser) == false)
            #expect(try await isIn(&other) == false)
            let late = try await browser.send("/dashboard/jobs/pauses", ["kind": "queue", "name": "a"])
            #expect(late.status == 401 && late.text.contains("Nothing was changed"))

            _ = try await browser.logIn("ann", "correct horse")
            _ = try await browser.rig.pool.execute(
                "update multiconnect.operator_sessions set expires_at = now() - interval '1 second'")
            #expect(try await isIn(&browser) == false)
        }
    }

    @Test func `a cookie that was changed, or sealed with another password, is no login`() throws {
        func access(_ password: String) throws -> OperatorAccess {
            try OperatorAccess(
                credentials: ("ann", Secret(text: password)), viewer: ("vic", Secret(text: "v")),
                failures: OperatorAccess.failureLimiter())
        }
        func judge(_ access: OperatorAccess, _ value: String) throws -> OperatorAccess.Verdict {
            access.judge(
                try Request(
                    .get, "/", headers: ["Cookie": "\(SessionCookie.name)=\(value)"],
                    clientAddress: "192.0.2.1"))
        }
        let own = try access("a")
        let viewer = OperatorIdentity(name: "vic", role: .viewer)
        let soon = Date().addingTimeInterval(60)
        let value = try #require(own.cookie(for: viewer, session: "id", until: soon, isSecure: true)).value
        #expect(
            try judge(own, value) == .granted(OperatorIdentity(name: "vic", role: .viewer, session: "id")))
        #expect(try judge(own, value.replacing("viewer", with: "operator")) == .unknown)
        #expect(try judge(own, value + "x") == .unknown)
        #expect(try judge(own, "") == .unknown)
        let past = try #require(
            own.cookie(for: viewer, session: "id", until: Date().addingTimeInterval(-1), isSecure: true))
        #expect(try judge(own, past.value) == .unknown)
        let ann = OperatorIdentity(name: "ann", role: .operator)
        let old = try #require(own.cookie(for: ann, session: "id", until: soon, isSecure: true)).value
        #expect(try judge(own, old) != .unknown)
        // A new password ends all sessions.
        #expect(try judge(try access("b"), old) == .unknown)
    }

    @Test func `a viewer sees every page, and each action is refused`() async throws {
        try await withForm { browser in
            var browser = browser
            _ = try await browser.rig.register(WebRig.body)
            _ = try await browser.logIn("vic", "only looking")
            let tenant = "/dashboard/tenants/\(TenantPagesTests.org)"
            for path in [
                "/dashboard", "/dashboard/tenants", tenant, "/dashboard/jobs", "/dashboard/jobs/queues",
                "/dashboard/jobs/workers", "/dashboard/jobs/periodic", "/dashboard/activity",
                "/dashboard/mail", "/dashboard/system", "/dashboard/account",
            ] {
                let page = try await browser.get(path)
                #expect(page.status == 200, "\(path)")
                // The only form that works is that of the logout.
                let codes = page.text.matches(of: /name="form_token"/).count
                #expect(codes == (path == "/dashboard/account" ? 1 : 0), "\(path)")
            }
            let text = try await browser.get("/dashboard/account").text
            let code = try #require(text.firstMatch(of: /name="form_token" value="([^"]*)"/)?.output.1)
            for path in [
                "\(tenant)/pause", "\(tenant)/mail", "\(tenant)/acknowledge", "/dashboard/notifications",
                "/dashboard/jobs/pauses", "/dashboard/jobs/weights", "/dashboard/jobs/selected",
                "/dashboard/jobs/periodic", "/dashboard/jobs/bulk/delete", "/dashboard/account/end",
            ] {
                let answer = try await browser.send(
                    path, ["form_token": String(code), "session": "all", "kind": "queue", "name": "a"])
                #expect(answer.status == 403 && answer.text.contains("viewer"), "\(path)")
            }
            let changed: Int = try await browser.rig.pool.query(
                "select count(*) from multiconnect.activity where actor like 'vic%' and action <> 'operator_login'"
            ).scalar()
            #expect(changed == 0)
            #expect(
                try await browser.post("/dashboard/logout", [:], from: "/dashboard/account").status == 303)
            let basic = "Basic " + Data("vic:only looking".utf8).base64EncodedString()
            #expect(try await browser.rig.get("/dashboard/jobs", [("Authorization", basic)]).status == 200)
            let refused = try await browser.rig.http.send(
                ClientRequest(
                    method: "POST", url: browser.rig.origin + "\(tenant)/pause",
                    headers: [("Authorization", basic)], body: []))
            #expect(refused.status == 403)
        }
    }
}

import Cryptography
import Foundation
import HTTPClient
import HTTPServer
import HTTPWire
import Jobs
import Postgres
import Support
import Testing

@testable import Pages

/// Access to the operators' pages and their forms.
@Suite(.tags(.store))
struct OperatorAccessTests {
    @Test
    func `without credentials in the settings the dashboard is closed, and the page says how to open it`()
        async throws
    {
        try await withWebRig { rig in
            for path in [
                "/dashboard/jobs", "/dashboard/jobs/queues", "/dashboard/jobs/0123456789abcdef01234567",
            ] {
                let page = try await rig.get(path, [("Authorization", "Basic Og==")])
                #expect(page.status == 403)
                #expect(page.text.contains("SIDEKIQ_USERNAME") && page.text.contains("SIDEKIQ_PASSWORD"))
            }
        }
    }

    @Test func `Sidekiq's URLs redirect to the matching pages`() async throws {
        try await withWebRig { rig in
            for (path, place) in [
                ("/sidekiq", "/dashboard/jobs"), ("/sidekiq/queues/default", "/dashboard/jobs/queues"),
                ("/sidekiq/busy", "/dashboard/jobs/workers"),
                ("/sidekiq/morgue", "/dashboard/jobs?state=dead"),
                ("/sidekiq/anything/else", "/dashboard/jobs"),
            ] {
                let answer = try await rig.get(path)
                #expect(answer.status == 302 && answer.headers["location"] == place, "\(path)")
            }
        }
    }

    @Test func `only the right name and password give access`() async throws {
        try await withOperator { browser in
            let unknown = try await browser.rig.get("/dashboard/jobs")
            #expect(unknown.status == 401)
            #expect(unknown.headers["www-authenticate"]?.hasPrefix("Basic realm=") == true)
            #expect(try await browser.get("/dashboard/jobs").status == 200)
            for value in [
                "Basic", "Basic !!!", "Basic YW5u", "Bearer correct horse", "Basic YW5uOmNvcnJlY3QgaG9yc2Ux",
            ] {
                let answer = try await browser.rig.get("/dashboard/jobs", [("Authorization", value)])
                #expect(answer.status == 401, "\(value)")
            }
        }
    }

    @Test func `after too many wrong passwords even the right one has to wait`() async throws {
        try await withOperator { browser in
            var stranger = browser
            stranger.password = "guess"
            var refused: ClientResponse?
            for _ in 0..<12 {
                let answer = try await stranger.get("/dashboard/jobs")
                if answer.status == 429 {
                    refused = answer
                    break
                }
                #expect(answer.status == 401)
            }
            let wait = try #require(refused?.headers["retry-after"].flatMap { Int($0) })
            #expect((1...11).contains(wait))
            #expect(try await browser.get("/dashboard/jobs").status == 429)
        }
    }

    @Test func `wrong credentials for the metrics do not block the dashboard, nor the reverse`()
        async throws
    {
        try await withOperator { browser in
            var stranger = browser
            stranger.password = "guess"
            while try await stranger.get("/metrics").status != 429 {}
            #expect(try await browser.get("/metrics").status == 429)
            #expect(try await browser.get("/dashboard/jobs").status == 200)
        }
        try await withOperator { browser in
            var stranger = browser
            stranger.password = "guess"
            while try await stranger.get("/dashboard/jobs").status != 429 {}
            #expect(try await browser.get("/metrics").status == 200)
        }
    }

    @Test func `a slash at the end of a URL is accepted`() async throws {
        try await withOperator { browser in
            for path in ["/dashboard/jobs/", "/dashboard/jobs/queues/", "/dashboard/jobs/workers/"] {
                let page = try await browser.get(path)
                #expect(page.status == 200, "\(path)")
            }
            #expect(try await browser.get("/dashboard/").text.contains("<h1>Overview</h1>"))
        }
    }

    /// The body is larger than the limit: an answer other than 413 proves that credentials are checked first.
    @Test func `a form without credentials is not read`() async throws {
        try await withOperator { browser in
            var stranger = browser
            stranger.password = "guess"
            let fields = ["reason": String(repeating: "a", count: 100_000)]
            let refused = try await stranger.post("/dashboard/jobs/pauses", fields, [])
            #expect(refused.status == 401)
            let tooLarge = try await browser.post("/dashboard/jobs/pauses", fields, [])
            #expect(tooLarge.status == 413)
        }
    }

    @Test func `another address is not affected by wrong passwords`() throws {
        let access = try OperatorAccess(
            credentials: ("ann", .init(text: "x")), failures: OperatorAccess.failureLimiter())
        let wrong: Headers = ["Authorization": "Basic " + Data("ann:y".utf8).base64EncodedString()]
        let right: Headers = ["Authorization": "Basic " + Data("ann:x".utf8).base64EncodedString()]
        for _ in 0..<20 {
            _ = access.judge(try Request(.get, "/", headers: wrong, clientAddress: "192.0.2.1"))
        }
        guard
            case .tooOften = access.judge(try Request(.get, "/", headers: right, clientAddress: "192.0.2.1"))
        else {
            Issue.record("the address is not blocked")
            return
        }
        #expect(
            access.judge(try Request(.get, "/", headers: right, clientAddress: "192.0.2.2"))
                == .granted(OperatorIdentity(name: "ann", role: .operator)))
    }

    @Test func `a form from another browser or site changes nothing`() async throws {
        try await withOperator { browser in
            let id = try await browser.queue.enqueue(NewJob("A"))
            let path = "/dashboard/jobs/\(id)/cancel"
            let own = browser.rig.origin
            let (cookie, code) = try await browser.form()
            let (otherCookie, otherCode) = try await browser.form()
            #expect(cookie != otherCookie && code != otherCode)
            let attempts: [(fields: [String: String], headers: [(name: String, value: String)])] = [
                ([:], []), ([:], [("Cookie", cookie), ("Origin", own)]),
                ([FormToken.field: code], [("Origin", own)]),
                ([FormToken.field: otherCode], [("Cookie", cookie), ("Origin", own)]),
                ([FormToken.field: ""], [("Cookie", "\(FormToken.cookieName)="), ("Origin", own)]),
                ([FormToken.field: code], [("Cookie", cookie), ("Origin", "https://evil.example")]),
                ([FormToken.field: code], [("Cookie", cookie), ("Origin", "null")]),
                ([FormToken.field: code], [("Cookie", cookie), ("Sec-Fetch-Site", "cross-site")]),
            ]
            for (index, attempt) in attempts.enumerated() {
                let answer = try await browser.post(path, attempt.fields, attempt.headers)
                #expect(answer.status == 403, "attempt \(index)")
                #expect(answer.text.contains("was not made for this browser"), "attempt \(index)")
            }
            #expect(try await browser.state(id) == "queued")
            let answer = try await browser.post(
                path, [FormToken.field: code], [("Cookie", cookie), ("Origin", own)])
            #expect(answer.status == 303)
            #expect(try await browser.state(id) == "cancelled")
        }
    }

    @Test func `the cookie is not readable by scripts and other sites, and pages cannot be framed`()
        async throws
    {
        try await withOperator { browser in
            let page = try await browser.get("/dashboard/jobs")
            let cookie = try #require(page.headers.values("set-cookie").first)
            #expect(
                cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax")
                    && cookie.contains("Path=/dashboard"))
            #expect(page.headers["referrer-policy"] == "same-origin")
            #expect(page.headers["cache-control"] == "no-store")
            let policy = try #require(page.headers["content-security-policy"])
            #expect(policy.contains("form-action 'self';") && policy.contains("default-src 'none'"))
            #expect(policy.contains("frame-ancestors 'none'"))
            let again = try await browser.get(
                "/dashboard/jobs", [("Cookie", String(cookie.prefix { $0 != ";" }))])
            #expect(again.headers.values("set-cookie").isEmpty)
        }
        var options = WebRig.Options()
        options.operators = ("ann", .init(text: "correct horse"))
        options.appURL = "https://sync.example"
        try await withWebRig(options) { rig in
            let authorization = "Basic " + Data("ann:correct horse".utf8).base64EncodedString()
            let page = try await rig.get("/dashboard/jobs", [("Authorization", authorization)])
            #expect(page.headers.values("set-cookie").first?.contains("Secure") == true)
        }
    }
}

import Cryptography
import Foundation
import HTTPClient
import HTTPWire
import Postgres
import Support
import Testing

@testable import Dashboard
@testable import Pages

/// Streams that update pages.
@Suite(.tags(.store))
struct LiveStreamTests {
    /// Reads the stream until `isEnough` of its text, or its end.
    private func text(
        _ browser: OperatorBrowser, _ path: String, _ headers: [(name: String, value: String)],
        until isEnough: @escaping @Sendable (String) async throws -> Bool
    ) async throws -> String {
        try await browser.rig.http.stream(
            ClientRequest(url: browser.rig.origin + path, headers: headers)
        ) { response in
            #expect(response.status == 200)
            #expect(response.headers["content-type"]?.hasPrefix("text/event-stream") == true)
            #expect(response.headers["cache-control"] == "no-store")
            var text = ""
            while let piece = try await response.next() {
                text += String(decoding: piece, as: UTF8.self)
                if try await isEnough(text) { break }
            }
            return text
        }
    }

    @Test func `a page names its stream, which sends the parts and then only what has changed`() async throws
    {
        try await withOperator { browser in
            _ = try await browser.rig.register(WebRig.body)
            let page = try await browser.get("/dashboard/jobs").text
            #expect(page.contains("data-stream=\"/dashboard/live/jobs\""))
            #expect(page.contains("<script src=\"/operators.js\" defer>"))
            let script = try await browser.rig.get("/operators.js")
            #expect(script.headers["content-type"] == "text/javascript; charset=utf-8")
            let pool = browser.rig.pool
            let text = try await text(browser, "/dashboard/live/jobs", [browser.credentials]) { text in
                guard text.contains("data: list") else { return false }
                if !text.contains("Cancelled<b>1</b>") {
                    _ = try await pool.execute(
                        """
                        update multiconnect.jobs set state = 'cancelled', finished_at = now(), pushed_epoch = 'x'
                        where state = 'queued'
                        """)
                }
                return text.contains("Cancelled<b>1</b>")
            }
            #expect(text.hasPrefix("retry: 3000\n\n"))
            #expect(text.contains("event: part\ndata: states\n") && text.contains("Queued<b>1</b>"))
            // No browser's token is in what all browsers get.
            let (_, code) = try await browser.form()
            #expect(!text.contains(code) && text.contains("name=\"form_token\" value=\"\""))
        }
    }

    @Test(arguments: ["", "/jobs/queues", "/jobs?state=dead", "/tenants/00D000000000001EAA"])
    func `each live page has a stream`(path: String) async throws {
        try await withOperator { browser in
            _ = try await browser.rig.register(WebRig.body)
            let page = try await browser.get("/dashboard" + path).text
            let place = try #require(page.firstMatch(of: /data-stream="([^"]*)"/)).output.1
            let url = String(place).replacing("&amp;", with: "&")
            let names = page.matches(of: /data-live="([a-z]+)"/).map { String($0.output.1) }
            #expect(!names.isEmpty)
            let text = try await text(browser, url, [browser.credentials]) { text in
                names.allSatisfy { text.contains("data: \($0)\n") }
            }
            #expect(names.allSatisfy { text.contains("data: \($0)\n") })
        }
    }

    @Test func `a stream needs credentials and ends with its session`() async throws {
        try await withOperator { browser in
            let closed = try await browser.rig.get("/dashboard/live")
            #expect(closed.status == 401)
            let id = try SessionCookie.newID()
            let access = try OperatorAccess(
                credentials: ("ann", Secret(text: "correct horse")), failures: OperatorAccess.failureLimiter()
            )
            let cookie = try #require(
                access.cookie(
                    for: OperatorIdentity(name: "ann", role: .operator), session: id, until: Date() + 1_000,
                    isSecure: false))
            let sessions = OperatorSessions(pool: browser.rig.pool)
            try await sessions.begin(
                id, name: "ann", role: "operator", address: "::1", until: Date() + 1_000)
            let field = (name: "Cookie", value: "\(SessionCookie.name)=\(cookie.value)")
            let begun = ContinuousClock.now
            let text = try await text(browser, "/dashboard/live", [field]) { text in
                if text.contains("event: part") { _ = try await sessions.end(nil, by: "ann") }
                return false
            }
            #expect(text.hasSuffix("event: end\ndata: session\n\n"))
            #expect(ContinuousClock.now - begun < LiveLimits.sessionCheck + .seconds(5))
        }
    }
}

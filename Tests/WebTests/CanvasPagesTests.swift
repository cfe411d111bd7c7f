import Cryptography
import Encoding
import Foundation
import HTTPClient
import OrgSimulator
import Postgres
import Support
import Testing

/// The Canvas page with signed requests of the org simulator.
@Suite(.tags(.store))
struct CanvasPagesTests {
    /// Runs a test with a registered org whose table and changes the page shows.
    private func withCanvas(
        _ body: @concurrent @Sendable (WebRig, [Simulator.OrgSummary], String) async throws -> Void
    ) async throws {
        try await withSimulatedOrgs(2) { orgs, loginURL in
            try await withWebRig(WebRig.Options(loginURL: loginURL)) { rig in
                try await rig.registerOrg(orgs[0])
                try await body(rig, orgs, loginURL)
            }
        }
    }

    private func signedRequest(
        _ rig: WebRig, _ org: Simulator.OrgSummary, _ loginURL: String, _ options: String = ""
    ) async throws -> String {
        let url = "\(loginURL)/simulator/orgs/\(org.number)/signed-request?url=\(rig.origin)/canvas\(options)"
        return try await rig.get(url).text
    }

    private func post(_ rig: WebRig, _ signed: String) async throws -> ClientResponse {
        try await rig.http.send(
            ClientRequest(
                method: "POST", url: rig.origin + "/canvas",
                headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: Array("signed_request=\(PercentCoding.encode(signed))".utf8)))
    }

    private func ancestors(_ response: ClientResponse) -> String? {
        response.headers["Content-Security-Policy"]?.components(separatedBy: "frame-ancestors ").last
    }

    private func envelope(_ signed: String) throws -> JSONValue {
        try JSONValue(parsing: Base64.decode(String(signed.split(separator: ".")[1])) ?? [])
    }

    /// A request with the simulator's secret and changed contents.
    private func forged(_ signed: String, _ old: String, _ new: String) throws -> String {
        let envelope = try #require(signed.split(separator: ".").last.map(String.init))
        let document = String(decoding: try #require(Base64.decode(envelope)), as: UTF8.self)
        #expect(document.contains(old))
        let changed = Base64.encode(Array(document.replacingOccurrences(of: old, with: new).utf8))
        let code = HMAC.sha256(key: Array("simulator-secret".utf8), message: Array(changed.utf8))
        return Base64.encode(code) + "." + changed
    }

    @Test func `an admin sees the state of the org in Salesforce's frame, without a cookie`() async throws {
        try await withCanvas { rig, orgs, loginURL in
            _ = try await rig.pool.execute(
                """
                insert into multiconnect.mappings (connection_id, object_name, table_name, config, state,
                    db_count, sf_count, last_error, db_count_at, sf_count_at)
                select id, 'Account', 'account', '{}', 'DATA_SYNCED', 1234, 1235, '<b>late</b>',
                    '2026-01-02 03:04:06+00', '2026-01-02 03:04:05+00'
                from multiconnect.connections
                """)
            let page = try await post(rig, try await signedRequest(rig, orgs[0], loginURL))
            #expect(page.status == 200, "\(page.text)")
            for text in [
                "Org 1", "waits for consent", "1,234", "1,235", "&lt;b&gt;late", "<svg", "Give consent",
                "Rows were counted at 2026-01-02 03:04:05 UTC or later.", "<td>2026-01-02 03:04:05</td>",
            ] {
                #expect(page.text.contains(text), "\(text)")
            }
            #expect(ancestors(page) == loginURL)
            #expect(page.headers["X-Frame-Options"] == nil && page.headers.values("Set-Cookie").isEmpty)
            #expect(!page.text.contains("<script"))
            let style = try await rig.get("/canvas/style.css")
            #expect(style.status == 200 && style.text.contains(".drawing"))
        }
    }

    @Test func `a request is accepted once, and within five minutes`() async throws {
        try await withCanvas { rig, orgs, loginURL in
            let signed = try await signedRequest(rig, orgs[0], loginURL)
            #expect(try await post(rig, signed).status == 200)
            let again = try await post(rig, signed)
            #expect(again.status == 403 && again.text.contains("used before"))
            #expect(ancestors(again) == loginURL)
            // The same bytes with another text of the signature.
            let parts = signed.split(separator: ".").map(String.init)
            #expect(try await post(rig, parts[0] + "." + parts[1] + "=").status == 403)

            let fresh = try await signedRequest(rig, orgs[0], loginURL)
            let now = Int(Date().timeIntervalSince1970 * 1000)
            let document = try envelope(fresh)
            let issued = try #require(document["issuedAt"]?.int)
            #expect(abs(now - issued) < 60_000)
            for age in [-400_000, 400_000] {
                let old = try forged(fresh, "\"issuedAt\":\(issued)", "\"issuedAt\":\(now - age)")
                let page = try await post(rig, old)
                #expect(page.status == 403 && page.text.contains("too long ago"))
            }
        }
    }

    @Test func `without a time the user's session in Salesforce must be valid`() async throws {
        try await withCanvas { rig, orgs, loginURL in
            let signed = try await signedRequest(rig, orgs[0], loginURL, "&issued=no")
            #expect(try await post(rig, signed).status == 200)
            // Salesforce may send an equal request when the page is loaded again.
            #expect(try await post(rig, signed).status == 200)
            let user = try await signedRequest(
                rig, orgs[0], loginURL, "&issued=no&user=\(orgs[0].usernames[1])")
            let other = try #require(envelope(user)["context"]?["user"]?["userId"]?.string)
            let own = try #require(envelope(signed)["context"]?["user"]?["userId"]?.string)
            let mixed = try await post(rig, try forged(signed, own, other))
            #expect(mixed.status == 403 && mixed.text.contains("another user"))
            _ = try await rig.http.send(
                ClientRequest(
                    method: "POST", url: loginURL + "/simulator/faults",
                    body: Array(#"{"kind":"expire_access_tokens"}"#.utf8)))
            let late = try await post(rig, signed)
            #expect(late.status == 403 && late.text.contains("has ended"), "\(late.text)")
        }
    }

    @Test func `forged requests, and orgs that nobody registered, see nothing`() async throws {
        try await withCanvas { rig, orgs, loginURL in
            let signed = try await signedRequest(rig, orgs[0], loginURL)
            for text in [
                String(signed.dropLast(8)), "AAAA" + signed.dropFirst(4), "x.y", signed + "A",
                try forged(signed, "HMACSHA256", "HMACSHA512"),
                try forged(
                    signed, "\"instanceUrl\":\"\(loginURL)\"", "\"instanceUrl\":\"https://evil.example\""),
                try forged(signed, orgs[0].id, orgs[1].id),
            ] {
                let page = try await post(rig, text)
                #expect(page.status == 403, "\(page.text)")
                #expect(ancestors(page) == "'none'" && !page.text.contains("Org 1"))
            }
            let empty = try await rig.http.send(ClientRequest(method: "POST", url: rig.origin + "/canvas"))
            #expect(empty.status == 400)
            let stranger = try await post(rig, try await signedRequest(rig, orgs[1], loginURL))
            #expect(stranger.status == 404 && stranger.text.contains("not registered"))
            #expect(ancestors(stranger) == loginURL)
        }
    }

    @Test func `a user who has not approved the app gets the link to allow access`() async throws {
        try await withCanvas { rig, orgs, loginURL in
            let needed = "/canvas?_sfdc_canvas_authvalue=user_approval_required"
            let page = try await rig.get(
                "\(needed)&loginUrl=https://acme.my.salesforce.com"
            )
            #expect(page.status == 200 && page.text.contains("target=\"_blank\""))
            #expect(page.text.contains("/login?for=canvas&amp;environment=acme.my.salesforce.com"))
            #expect(ancestors(page)?.contains("https://*.salesforce.com") == true)
            let evil = try await rig.get(
                "\(needed)&loginUrl=https://evil.example")
            #expect(!evil.text.contains("evil.example"))
            #expect(try await rig.get("/canvas").status == 400)
            let browser = EndUserBrowser(rig: rig)
            let done = try await browser.login(as: orgs[0].usernames[0], "for=canvas")
            #expect(done.status == 200 && done.text.contains("Access is allowed"))
            #expect(browser.cookie("multiconnect_user") == nil)
        }
    }
}

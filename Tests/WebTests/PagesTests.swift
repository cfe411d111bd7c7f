import Foundation
import HTTPClient
import HTTPServer
import HTTPWire
import Jobs
import Organizations
import Postgres
import Redis
import Support
import Testing

@testable import Web

@Suite(.tags(.store))
struct PagesTests {
    @Test func `healthz is always 200, and readyz depends on the databases`() async throws {
        try await withWebRig { rig in
            #expect(try await rig.get("/healthz").text == #"{"status":200}"#)
            let ready = try await rig.get("/readyz")
            #expect(ready.status == 200)
            #expect(try ready.json()["database"] as? String == "ok")
            #expect(try ready.json()["redis"] as? String == "ok")
            #expect(try ready.json()["state"] as? String == "ready")
            rig.pool.close()
            let unready = try await rig.get("/readyz")
            #expect(unready.status == 503)
            #expect(try unready.json()["database"] as? String == "does not answer")
            #expect(try unready.json()["redis"] as? String == "ok")
            #expect(try unready.json()["state"] as? String == "unavailable")
            #expect(try await rig.get("/healthz").status == 200)
        }
    }

    @Test func `without Redis web is ready, with the state degraded`() async throws {
        try await withDatabase { database in
            let pool = database.pool()
            let absent = RedisClient(configuration: try RedisConfiguration(url: "redis://127.0.0.1:1"))
            let health = HealthRoutes(pool: pool, redis: absent)
            let response = try await health.ready(try Request(.get, "/readyz"))
            #expect(response.status == .ok)
            guard case .bytes(let bytes) = response.body else { return }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(
                text.contains(#""state":"degraded""#) && text.contains(#""redis":"does not answer""#),
                "\(text)")
            absent.close()
            pool.close()
        }
    }

    @Test func `a refused login is reported differently from a database that does not answer`() async throws {
        try await withDatabase { database in
            var configuration = database.configuration
            configuration.database = "no such database"
            let pool = PostgresPool(configuration: configuration, maximum: 1)
            let absent = RedisClient(configuration: try RedisConfiguration(url: "redis://127.0.0.1:1"))
            let health = HealthRoutes(pool: pool, redis: absent)
            let response = try await health.ready(try Request(.get, "/readyz"))
            #expect(response.status == .serviceUnavailable)
            guard case .bytes(let bytes) = response.body else { return }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.contains(#""database":"refuses the login""#), "\(text)")
            let error = await #expect(throws: PostgresError.self) { try await pool.query("select 1") }
            let told = error.flatMap { FaultStatus.problem(for: $0)?.detail } ?? ""
            #expect(told.contains("cannot log in"))
            absent.close()
            pool.close()
        }
    }

    @Test func `the tab has an icon, and a mistyped domain stays in its field`() async throws {
        try await withWebRig { rig in
            #expect(try await rig.get("/authenticate").text.contains("href=\"/icon.svg\""))
            let icon = try await rig.get("/icon.svg")
            #expect(icon.status == 200 && icon.headers["content-type"] == "image/svg+xml")
            let page = try await rig.get("/auth/salesforce?domain=acme%22%3E.salesforce")
            #expect(page.status == 400 && page.text.contains("not a My Domain"))
            #expect(page.text.contains("value=\"acme&quot;&gt;.salesforce\""), "\(page.text)")
        }
    }

    @Test func `every page has a restrictive Content-Security-Policy`() async throws {
        try await withWebRig { rig in
            for target in ["/", "/authenticate", "/auth/failure", "/auth/salesforce/callback"] {
                let page = try await rig.get(target)
                let policy = try #require(page.headers["Content-Security-Policy"])
                #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
                #expect(page.headers["X-Content-Type-Options"] == "nosniff")
                #expect(page.headers["Referrer-Policy"] == "no-referrer")
                #expect(page.headers["Cache-Control"] == "no-store")
                #expect(!page.text.contains("<script") && !page.text.contains(" style="))
            }
            let style = try await rig.get("/style.css")
            #expect(style.headers["Content-Type"]?.hasPrefix("text/css") == true)
        }
    }

    @Test func `pages promise a copy of the records, but no sync, which does not exist yet`()
        async throws
    {
        try await withWebRig { rig in
            for target in ["/", "/authenticate"] {
                let page = try await rig.get(target).text.lowercased()
                #expect(page.contains("cop") && !page.contains("in sync"), "\(target)")
            }
        }
    }

    @Test func `the login choice works without a link, and keeps the org of a link`() async throws {
        try await withWebRig { rig in
            let plain = try await rig.get("/authenticate")
            #expect(plain.status == 200)
            for text in ["environment=production", "environment=sandbox", "name=\"domain\""] {
                #expect(plain.text.contains(text))
            }
            #expect(!plain.text.contains("org_id"))
            let linked = try await rig.get("/authenticate?org_id=00D000000000001&environment=sandbox")
            #expect(linked.text.contains("org_id=00D000000000001EAA"))
            #expect(linked.text.contains("name=\"org_id\" value=\"00D000000000001EAA\""))
            let broken = try await rig.get("/authenticate?org_id=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
            #expect(broken.status == 200 && !broken.text.contains("<script"))
        }
    }

    @Test func `the browser is redirected to Salesforce with a cookie for the callback only`() async throws {
        try await withWebRig { rig in
            _ = try await rig.register(WebRig.body)
            let response = try await rig.get(
                "/auth/salesforce?org_id=00D000000000001EAA&environment=production")
            #expect(response.status == 302)
            let location = try #require(response.headers["Location"].flatMap { URLComponents(string: $0) })
            #expect(location.path == "/services/oauth2/authorize")
            let query = Dictionary(
                uniqueKeysWithValues: (location.queryItems ?? []).map { ($0.name, $0.value ?? "") })
            #expect(query["code_challenge_method"] == "S256")
            #expect(query["redirect_uri"] == rig.origin + "/auth/salesforce/callback")
            let state = try #require(query["state"])
            let cookie = try #require(response.headers["Set-Cookie"])
            for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/auth/salesforce", "; Max-Age="] {
                #expect(cookie.contains(part))
            }
            #expect(!cookie.contains("Secure") && !cookie.contains(state))
        }
        try await withWebRig(WebRig.Options(appURL: "https://sync.example")) { rig in
            let response = try await rig.get("/auth/salesforce")
            #expect(response.headers["Set-Cookie"]?.contains("; Secure") == true)
            #expect(response.headers["Strict-Transport-Security"] != nil)
        }
    }

    @Test func `an unregistered org and a host that is not Salesforce get a clear page`()
        async throws
    {
        try await withWebRig { rig in
            let unknown = try await rig.get("/auth/salesforce?org_id=00D000000000001EAA")
            #expect(unknown.status == 404 && unknown.text.contains("is not registered"))
            for query in ["domain=evil.example", "environment=nowhere", "domain=%3Cscript%3E", "org_id=00Dx"]
            {
                let refused = try await rig.get("/auth/salesforce?" + query)
                #expect(refused.status == 400 && refused.headers["Location"] == nil)
                #expect(refused.text.contains("role=\"alert\"") && !refused.text.contains("<script"))
            }
            #expect(
                try await rig.pool.query("select count(*) from multiconnect.consents").scalar(as: Int.self)
                    == 0)
        }
    }

    @Test func `a forged, missing, replayed, denied or foreign state is refused`()
        async throws
    {
        try await withWebRig { rig in
            func begin() async throws -> (state: String, cookie: String) {
                let response = try await rig.get("/auth/salesforce")
                let location = try #require(
                    response.headers["Location"].flatMap { URLComponents(string: $0) })
                let state = try #require(location.queryItems?.first { $0.name == "state" }?.value)
                return (state, try #require(response.cookie))
            }
            func callback(_ query: String, _ cookie: String?) async throws -> ClientResponse {
                try await rig.get(
                    "/auth/salesforce/callback?" + query, cookie.map { [(name: "Cookie", value: $0)] } ?? [])
            }
            let begun = try await begin()
            #expect(try await callback("", begun.cookie).text.contains("incomplete"))
            let forged = try await callback("code=x&state=forged", begun.cookie)
            #expect(forged.status == 400 && forged.text.contains("not started here"))
            let stolen = try await callback("code=x&state=\(begun.state)", nil)
            #expect(stolen.status == 400 && stolen.text.contains("another browser"))
            let second = try await begin()
            let denied = try await callback(
                "error=access_denied%3Cb%3E&error_description=%3Cscript%3E&state=\(second.state)",
                second.cookie)
            #expect(denied.status == 403 && denied.text.contains("access_denied"))
            #expect(!denied.text.contains("<script") && !denied.text.contains("<b>"))
            let replayed = try await callback("code=x&state=\(second.state)", second.cookie)
            #expect(replayed.status == 400 && replayed.text.contains("already"))
            #expect(
                try await rig.pool.query("select count(*) from multiconnect.credentials").scalar(as: Int.self)
                    == 0)
        }
    }

    @Test func `if Salesforce cannot be reached, the page says so`() async throws {
        try await withWebRig { rig in
            let response = try await rig.get("/auth/salesforce")
            let location = try #require(response.headers["Location"].flatMap { URLComponents(string: $0) })
            let state = try #require(location.queryItems?.first { $0.name == "state" }?.value)
            let answer = try await rig.get(
                "/auth/salesforce/callback?code=x&state=\(state)",
                [(name: "Cookie", value: try #require(response.cookie))])
            #expect(answer.status == 503 && answer.text.contains("Salesforce does not answer"))
        }
    }

    @Test func `the failure page explains every kind of refusal`() async throws {
        try await withWebRig { rig in
            let missing = try await rig.get("/auth/failure?reason=missing_rights")
            #expect(missing.status == 400 && missing.text.contains("View All Data"))
            let unknown = try await rig.get("/auth/failure?reason=%3Cb%3E")
            #expect(unknown.text.contains("Consent was not given") && !unknown.text.contains("<b>"))
            let nowhere = try await rig.get("/nowhere", [(name: "Accept", value: "text/html")])
            #expect(nowhere.status == 404)
            #expect(nowhere.headers["Content-Security-Policy"] != nil)
        }
    }

    @Test func `a My Domain in a link is shown, but neither filled in nor opened`() async throws {
        try await withWebRig { rig in
            _ = try await rig.register(
                #"{"org_id":"00D000000000001EAA","org_name":"A","admin_email":"a@b.example","environment":"evil.my.salesforce.com"}"#
            )
            for name in ["environment", "domain"] {
                let query = "org_id=00D000000000001EAA&\(name)=evil.my.salesforce.com"
                let page = try await rig.get("/authenticate?" + query)
                #expect(page.status == 200 && page.text.contains("<code>evil.my.salesforce.com</code>"))
                #expect(!page.text.contains("value=\"evil.my.salesforce.com\""))
                for site in ["cross-site", "none"] {
                    let direct = try await rig.get("/auth/salesforce?" + query, [("Sec-Fetch-Site", site)])
                    #expect(direct.status == 200 && direct.headers["Location"] == nil)
                    #expect(direct.text.contains("<code>evil.my.salesforce.com</code>"))
                }
                let typed = try await rig.get(
                    "/auth/salesforce?" + query, [("Sec-Fetch-Site", "same-origin")])
                #expect(typed.status == 302)
            }
            let plain = try await rig.get(
                "/auth/salesforce?org_id=00D000000000001EAA&environment=sandbox",
                [("Sec-Fetch-Site", "cross-site")])
            #expect(plain.status == 302)
            // After a consent the domain is known to belong to the org.
            try await rig.pool.execute("update multiconnect.organizations set authorized_at = now()")
            let known = try await rig.get(
                "/authenticate?org_id=00D000000000001EAA&environment=evil.my.salesforce.com")
            #expect(known.text.contains("value=\"evil.my.salesforce.com\""))
            let other = try await rig.get(
                "/authenticate?org_id=00D000000000001EAA&environment=other.my.salesforce.com")
            #expect(!other.text.contains("value=\"other.my.salesforce.com\""))
        }
    }

    @Test func `a My Domain of an unsigned registration is not filled in once CALLBACK_SECRET is set`()
        async throws
    {
        try await withWebRig(WebRig.Options(callbackSecret: "s3cret")) { rig in
            let registration = OrganizationRegistration(
                pool: rig.pool, queue: JobQueue(pool: rig.pool, logger: quietLogger))
            // Registered while there was no CALLBACK_SECRET, by anybody.
            for (id, source) in [("00D000000000001EAA", "203.0.113.9"), ("00D000000000002EAA", nil)] {
                let body = """
                    {"org_id":"\(id)","org_name":"A","admin_email":"a@b.example",
                    "environment":"acme.my.salesforce.com"}
                    """
                _ = try await registration.register(
                    RegistrationRequest(parsing: Array(body.utf8)), source: source)
                let page = try await rig.get(
                    "/authenticate?org_id=\(id)&environment=acme.my.salesforce.com")
                #expect(page.text.contains("value=\"acme.my.salesforce.com\"") == (source == nil))
            }
        }
    }

    @Test func `consent callbacks are limited by address`() async throws {
        let limits = RequestLimits(
            callbacks: RateLimiter(rate: TokenBucket.Rate(burst: 2, refill: .seconds(60))))
        try await withWebRig(WebRig.Options(limits: limits)) { rig in
            for status in [400, 400, 429] {
                #expect(try await rig.get("/auth/salesforce/callback?code=x&state=forged").status == status)
            }
            let consents = try await rig.get("/auth/salesforce")
            #expect(consents.status == 302)
        }
    }
}

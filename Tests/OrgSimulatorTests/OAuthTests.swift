import Cryptography
import Encoding
import Foundation
import HTTPWire
import Testing

@testable import OrgSimulator

struct OAuthTests {
    private static let callback = "https://app.test/auth/salesforce/callback"
    private static let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    /// RFC 7636, appendix B.
    private static let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    private func authorize(_ test: inout TestWorld, _ extra: String = "", user: String = "admin@org1.example")
        -> Reply
    {
        test.call(
            "GET",
            "/services/oauth2/authorize?response_type=code&client_id=simulator-client&state=a%26b&scope=api+refresh_token"
                + "&redirect_uri=\(PercentCoding.encode(Self.callback))&simulator_user=\(user)" + extra)
    }

    private func code(_ reply: Reply) throws -> String {
        let location = try #require(reply.header("Location"))
        let query = try #require(location.split(separator: "?").last)
        return try #require(try Form(decoding: query)["code"])
    }

    private func exchange(
        _ test: inout TestWorld, _ code: String, _ extra: String = "", secret: String = "simulator-secret"
    )
        -> Reply
    {
        test.call(
            "POST", "/services/oauth2/token",
            body: "grant_type=authorization_code&client_id=simulator-client&client_secret=\(secret)"
                + "&redirect_uri=\(PercentCoding.encode(Self.callback))&code=\(PercentCoding.encode(code))"
                + extra)
    }

    private func refresh(_ test: inout TestWorld, _ token: String) -> Reply {
        test.call(
            "POST", "/services/oauth2/token",
            body:
                "grant_type=refresh_token&client_id=simulator-client&client_secret=simulator-secret&refresh_token=\(token)"
        )
    }

    private func error(_ reply: Reply) -> [String?] {
        [reply.document["error"]?.text, reply.document["error_description"]?.text]
    }

    @Test func `the page contains the request, and submitting its form is consent`() throws {
        var test = TestWorld()
        let page = test.call(
            "GET",
            "/services/oauth2/authorize?response_type=code&client_id=simulator-client&state=%3Cx%3E"
                + "&redirect_uri=\(PercentCoding.encode(Self.callback))&login_hint=reader@org2.example")
        #expect(page.status == 200)
        #expect(page.text.contains(#"<input type="hidden" name="state" value="&lt;x&gt;">"#))
        #expect(page.text.contains(#"<option value="reader@org2.example" selected>"#))
        let form =
            "response_type=code&client_id=simulator-client&state=%3Cx%3E&redirect_uri=\(PercentCoding.encode(Self.callback))"
        let allowed = test.call(
            "POST", "/services/oauth2/authorize", body: form + "&username=reader@org2.example&decision=allow")
        #expect(allowed.status == 302)
        #expect(allowed.header("Location")?.hasSuffix("%3D%3D&state=%3Cx%3E") == true)
        let denied = test.call(
            "POST", "/services/oauth2/authorize", body: form + "&username=reader@org2.example&decision=deny")
        #expect(
            denied.header("Location")
                == "\(Self.callback)?error=access_denied&error_description=end-user%20denied%20authorization&state=%3Cx%3E"
        )
    }

    @Test func `a code is exchanged for tokens of its org, signed with the secret`() throws {
        var test = TestWorld()
        let reply = exchange(&test, try code(authorize(&test)))
        #expect(reply.status == 200)
        #expect(reply.header("Cache-Control") == "no-store")
        let token = reply.document
        let org = test.world.orgs[0]
        #expect(token["access_token"]?.text?.hasPrefix(org.id.text15 + "!") == true)
        #expect(token["refresh_token"]?.text?.hasPrefix("5Aep861") == true)
        #expect(token["instance_url"] == "http://sim.test")
        #expect(token["issued_at"] == "1700000000000")
        let id = try #require(token["id"]?.text)
        #expect(id == "http://sim.test/id/\(org.id.text18)/005S10000000001IAA")
        let signature = HMAC.sha256(
            key: Array("simulator-secret".utf8), message: Array((id + "1700000000000").utf8))
        #expect(token["signature"]?.text == Data(signature).base64EncodedString())
        #expect(token["expires_in"] == nil)
        let identity = test.get(
            String(id.dropFirst("http://sim.test".count)), token: token["access_token"]?.text)
        #expect(identity.document["organization_id"]?.text == org.id.text18)
        #expect(identity.document["urls"]?["rest"] == "http://sim.test/services/data/v{version}/")
    }

    @Test func `a code works once, in time, and for its own callback address`() throws {
        var test = TestWorld()
        let first = try code(authorize(&test))
        #expect(exchange(&test, first).status == 200)
        #expect(error(exchange(&test, first)) == ["invalid_grant", "expired authorization code"])
        let second = try code(authorize(&test))
        test.now += 901_000
        #expect(error(exchange(&test, second)) == ["invalid_grant", "expired authorization code"])
        #expect(error(exchange(&test, "nonsense")) == ["invalid_grant", "invalid authorization code"])
        let third = try code(authorize(&test))
        let elsewhere = test.call(
            "POST", "/services/oauth2/token",
            body: "grant_type=authorization_code&client_id=simulator-client&client_secret=simulator-secret"
                + "&redirect_uri=https://evil.test&code=\(PercentCoding.encode(third))")
        #expect(error(elsewhere).first == "redirect_uri_mismatch")
    }

    @Test func `the verifier must match the challenge`() throws {
        var test = TestWorld()
        let extra = "&code_challenge=\(Self.challenge)&code_challenge_method=S256"
        let right = try code(authorize(&test, extra))
        #expect(exchange(&test, right, "&code_verifier=\(Self.verifier)").status == 200)
        let wrong = try code(authorize(&test, extra))
        #expect(error(exchange(&test, wrong, "&code_verifier=x\(Self.verifier)")).first == "invalid_request")
        let missing = try code(authorize(&test, extra))
        #expect(error(exchange(&test, missing)).first == "invalid_grant")
        let unasked = try code(authorize(&test))
        #expect(error(exchange(&test, unasked, "&code_verifier=\(Self.verifier)")).first == "invalid_request")
    }

    @Test func `clients are checked`() throws {
        var test = TestWorld()
        #expect(
            error(exchange(&test, "x", secret: "wrong")) == ["invalid_client", "invalid client credentials"])
        let unknown = test.call(
            "POST", "/services/oauth2/token", body: "grant_type=refresh_token&client_id=nobody")
        #expect(error(unknown) == ["invalid_client_id", "client identifier invalid"])
        let basic = Data("simulator-client:simulator-secret".utf8).base64EncodedString()
        let grant = test.call(
            "POST", "/services/oauth2/token", headers: ["Authorization": "Basic \(basic)"],
            body: "grant_type=odd")
        #expect(error(grant).first == "unsupported_grant_type")
        let mismatch = test.call(
            "GET",
            "/services/oauth2/authorize?response_type=code&client_id=simulator-client&redirect_uri=nowhere")
        #expect(mismatch.status == 400)
        #expect(mismatch.header("Location") == nil)
    }

    @Test func `a refresh keeps the refresh token unless rotation is on`() throws {
        var test = TestWorld()
        let first = exchange(&test, try code(authorize(&test))).document
        let token = try #require(first["refresh_token"]?.text)
        let second = refresh(&test, token).document
        #expect(second["refresh_token"] == nil)
        #expect(second["access_token"] != first["access_token"])
        _ = test.call("POST", "/simulator/faults", body: #"{"kind":"rotation"}"#)
        let third = refresh(&test, token).document
        let rotated = try #require(third["refresh_token"]?.text)
        #expect(error(refresh(&test, token)) == ["invalid_grant", "expired access/refresh token"])
        #expect(refresh(&test, rotated).status == 200)
    }

    @Test func `revoking a refresh token ends its access tokens`() throws {
        var test = TestWorld()
        let grant = exchange(&test, try code(authorize(&test))).document
        let access = try #require(grant["access_token"]?.text)
        #expect(test.get("/services/data/v66.0/limits", token: access).status == 200)
        let token = try #require(grant["refresh_token"]?.text)
        #expect(test.call("POST", "/services/oauth2/revoke", body: "token=\(token)").status == 200)
        let refused = test.get("/services/data/v66.0/limits", token: access)
        #expect(refused.status == 401)
        #expect(
            refused.text == #"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#)
        #expect(error(refresh(&test, token)) == ["invalid_grant", "expired access/refresh token"])
        #expect(test.call("POST", "/services/oauth2/revoke", body: "token=x").status == 400)
    }

    @Test func `access tokens expire, and the sixth ends the oldest`() throws {
        var test = TestWorld { $0.accessTokenSeconds = 60 }
        let token = try test.token()
        #expect(test.get("/services/data/v66.0/", token: token).status == 200)
        test.now += 61_000
        #expect(test.get("/services/data/v66.0/", token: token).status == 401)
        let oldest = try test.token()
        for _ in 0..<5 { _ = try test.token() }
        #expect(test.get("/services/data/v66.0/", token: oldest).status == 401)
    }

    @Test func `identity errors are plain text`() throws {
        var test = TestWorld()
        let org = test.world.orgs[0].id.text18
        #expect(test.get("/id/\(org)/005S10000000001IAA", token: nil).text == "Missing_OAuth_Token")
        #expect(test.get("/id/\(org)/005S10000000001IAA", token: "x").text == "Bad_OAuth_Token")
        let other = try test.token("admin@org2.example")
        let reply = test.get("/id/\(org)/005S10000000001IAA", token: other)
        #expect(reply.text == "Wrong_Org")
        #expect(reply.status == 403)
    }

    @Test func `on a My Domain host only its own users can log in`() {
        var test = TestWorld()
        let path =
            "/services/oauth2/authorize?response_type=code&client_id=simulator-client&redirect_uri=https://a.test/c"
            + "&simulator_user=admin@org1.example"
        #expect(test.call("GET", path, headers: ["Host": "org1.my.localhost:1"]).status == 302)
        #expect(test.call("GET", path, headers: ["Host": "org2.my.localhost:1"]).status == 400)
    }
}

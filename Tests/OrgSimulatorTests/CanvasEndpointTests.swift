import Cryptography
import Encoding
import Testing

@testable import OrgSimulator

struct CanvasEndpointTests {
    @Test func `a signed request has the documented form, and a token of the user`() throws {
        var test = TestWorld()
        let reply = test.call("GET", "/simulator/orgs/1/signed-request?url=http://app.test/canvas")
        #expect(reply.status == 200)
        let parts = reply.text.split(separator: ".", maxSplits: 1).map(String.init)
        let code = try #require(Base64.decode(parts[0]))
        #expect(code == HMAC.sha256(key: Array("simulator-secret".utf8), message: Array(parts[1].utf8)))
        let document = JSONValue.parse(try #require(Base64.decode(parts[1]))) ?? .null
        #expect(document["algorithm"]?.text == "HMACSHA256")
        #expect(document["issuedAt"]?.int == test.now)
        let token = try #require(document["client"]?["oauthToken"]?.text)
        #expect(test.call("GET", "/services/oauth2/userinfo", token: token).status == 200)
        let org = test.world.orgs[0]
        #expect(document["context"]?["organization"]?["organizationId"]?.text == org.id.text18)
        #expect(document["context"]?["user"]?["userId"]?.text == org.users[0].id.text18)
    }

    @Test func `a page posts the signed request into its frame, and escapes the address`() {
        var test = TestWorld()
        let url = "http://app.test/canvas?a=%22%3E%3Cscript%3E"
        let page = test.call("GET", "/simulator/orgs/1/canvas?url=\(PercentCoding.encode(url))")
        #expect(page.text.contains("<iframe name=\"app\"") && page.text.contains("name=\"signed_request\""))
        #expect(page.text.contains("action=\"http://app.test/canvas?a=%22%3E%3Cscript%3E\""))
        let unapproved = test.call(
            "GET", "/simulator/orgs/1/canvas?approved=no&url=http://app.test/canvas")
        #expect(unapproved.text.contains("_sfdc_canvas_authvalue=user_approval_required"))
        #expect(test.call("GET", "/simulator/orgs/1/canvas").status == 400)
    }
}

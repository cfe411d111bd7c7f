import Cryptography
import Encoding
import Testing

@testable import Salesforce

struct ConsentWireTests {
    private let secret = Secret(text: "app secret")

    private func answer(
        id: String = "https://login.salesforce.com/id/00D090000083B1pEAE/00509000007hMVJAA2",
        signature: String? = nil, extra: String = #","refresh_token":"5Aep861""#
    ) throws -> TokenAnswer {
        let issuedAt = "1626958668640"
        let code = HMAC.sha256(key: secret, message: Array((id + issuedAt).utf8))
        return try TokenAnswer(
            parsing: Array(
                """
                {"access_token":"00D!A","instance_url":"https://x.my.salesforce.com","id":"\(id)","token_type":"Bearer",
                "issued_at":"\(issuedAt)","signature":"\(signature ?? Base64.encode(code))","scope":"api"\(extra)}
                """.utf8))
    }

    @Test func `a signed answer is accepted`() throws {
        let answer = try answer()
        try answer.verify(secret: secret)
        #expect(answer.identity.organization.text == "00D090000083B1pEAE")
        #expect(answer.identity.user.text == "00509000007hMVJAA2")
        #expect(answer.refreshToken?.revealText() == "5Aep861")
        #expect(answer.instanceURL == "https://x.my.salesforce.com")
    }

    @Test(arguments: ["", "AAAA", "not base64!"])
    func `a wrong signature is refused`(signature: String) throws {
        let answer = try answer(signature: signature)
        #expect(throws: SalesforceError.self) { try answer.verify(secret: secret) }
    }

    @Test func `a signature with another secret is refused`() throws {
        let answer = try answer()
        #expect(throws: SalesforceError.self) { try answer.verify(secret: Secret(text: "other")) }
    }

    @Test func `without the scope refresh_token an answer has no refresh token`() throws {
        #expect(try answer(extra: "").refreshToken == nil)
        #expect(throws: SalesforceError.self) { try answer(extra: #","refresh_token":"""#) }
    }

    @Test(arguments: [
        "https://login.salesforce.com/id/00D090000083B1pEAE",
        "https://login.salesforce.com/id/00D090000083B1pEAE/x",
        "https://login.salesforce.com/id/00509000007hMVJAA2/00D090000083B1pEAE",
        "id/00D090000083B1pEAE/00509000007hMVJAA2",
        "https://login.salesforce.com/no/00D090000083B1pEAE/00509000007hMVJAA2", "",
    ])
    func `a malformed identity URL is refused`(id: String) {
        #expect(throws: SalesforceError.self) { try answer(id: id) }
    }

    /// RFC 7636, appendix B.
    @Test func `the PKCE challenge is that of RFC 7636`() {
        let pkce = PKCE(verifier: Secret(text: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
        #expect(pkce.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    }

    @Test func `a PKCE verifier has 43 characters`() {
        #expect(PKCE(random: [UInt8](repeating: 7, count: 32)).verifier.count == 43)
    }

    @Test func `the parameters of the authorize address are percent-encoded`() throws {
        let app = ConnectedApp(
            key: "3MVG9.k&y", secret: secret, redirectURL: "https://app.example/auth/salesforce/callback")
        let url = app.authorizeURL(
            at: try Origin(host: "login.salesforce.com"), state: "s t", challenge: "c-_", loginHint: nil)
        #expect(
            url == """
                https://login.salesforce.com/services/oauth2/authorize?response_type=code&client_id=3MVG9.k%26y\
                &redirect_uri=https%3A%2F%2Fapp.example%2Fauth%2Fsalesforce%2Fcallback\
                &scope=api%20refresh_token%20id&state=s%20t&code_challenge=c-_&code_challenge_method=S256\
                &prompt=login%20consent
                """)
    }

    @Test func `an identity is parsed and its document kept`() throws {
        let text = #"""
            {"organization_id":"00DJ0000003KhyyMAC","user_id":"005J0000001gwIyIAI","username":"u@x.com","asserted_user":true}
            """#
        let identity = try Identity(parsing: Array(text.utf8))
        #expect(identity.organization.text == "00DJ0000003KhyyMAC")
        #expect(identity.document == text)
        #expect(throws: SalesforceError.self) { try Identity(parsing: Array("{}".utf8)) }
    }
}

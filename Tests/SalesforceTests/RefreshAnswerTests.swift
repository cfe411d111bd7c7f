import Cryptography
import Testing

@testable import Salesforce

struct RefreshAnswerTests {
    private func parse(_ text: String) throws -> RefreshAnswer {
        try RefreshAnswer(parsing: Array(text.utf8))
    }

    @Test func `tokens are parsed even if the rest of the answer is missing or wrong`() throws {
        let rotated = try parse(
            #"{"access_token":"00D!A","refresh_token":"5Aep","instance_url":"https://x.my.salesforce.com"}"#)
        #expect(rotated.accessToken?.revealText() == "00D!A" && rotated.refreshToken?.revealText() == "5Aep")
        #expect(rotated.instanceURL == "https://x.my.salesforce.com" && rotated.organization == nil)
        let odd = try parse(#"{"refresh_token":"5Aep","id":7,"instance_url":null,"issued_at":{}}"#)
        #expect(odd.refreshToken?.revealText() == "5Aep" && odd.accessToken == nil && odd.instanceURL == nil)
    }

    @Test func `the org is that of the identity`() throws {
        let answer = try parse(
            #"{"access_token":"a","id":"https://login.salesforce.com/id/00D090000083B1pEAE/00509000007hMVJAA2"}"#
        )
        #expect(answer.organization?.text == "00D090000083B1pEAE" && answer.refreshToken == nil)
    }

    @Test(arguments: ["", "[]", "{}", #"{"access_token":""}"#, "<html>"])
    func `an answer without a token is refused`(text: String) {
        #expect(throws: SalesforceError.self) { try parse(text) }
    }
}

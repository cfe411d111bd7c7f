import Testing

@testable import Salesforce

struct ErrorAnswerTests {
    private func error(_ status: Int, _ body: String) -> SalesforceError {
        ErrorAnswer.error(status: status, body: Array(body.utf8), call: "GET /x")
    }

    @Test(arguments: [
        (401, "INVALID_SESSION_ID", SalesforceError.Code.unauthorized),
        (403, "REQUEST_LIMIT_EXCEEDED", .requestLimit),
        (403, "API_DISABLED_FOR_ORG", .forbidden), (400, "INVALID_FIELD", .invalidField),
        (400, "INVALID_TYPE", .invalidType), (400, "MALFORMED_QUERY", .malformedQuery),
        (404, "NOT_FOUND", .notFound),
        (404, "ENTITY_IS_DELETED", .entityDeleted), (400, "INVALIDJOBSTATE", .invalidJobState),
        (400, "INVALID_QUERY_LOCATOR", .invalidLocator), (400, "UNABLE_TO_LOCK_ROW", .lockedRow),
        (500, "UNABLE_TO_LOCK_ROW", .lockedRow), (503, "SERVER_UNAVAILABLE", .serverUnavailable),
        (400, "QUERY_TIMEOUT", .queryTimeout), (400, "SOMETHING_NEW", .rejected),
        (500, "SOMETHING_NEW", .serverUnavailable),
        (409, "SOMETHING_NEW", .conflict), (400, "INVALIDENTITY", .notSupportedByBulk),
        (414, "URI_TOO_LONG", .tooLarge), (431, "SOMETHING_NEW", .tooLarge),
    ])
    func `a REST error has the meaning of its code, else of its status`(
        status: Int, name: String, code: SalesforceError.Code
    ) {
        let found = error(status, #"[{"message":"told","errorCode":"\#(name)","fields":["Name"]}]"#)
        #expect(found.code == code)
        #expect(found.errorCode == name)
        #expect(found.httpStatus == status)
        #expect(found.fields == ["Name"])
        #expect(found.message == "told")
    }

    @Test func `a REST error without fields is parsed`() {
        let found = error(
            401, #"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#)
        #expect(found.code == .unauthorized)
        #expect(found.fields.isEmpty)
    }

    @Test(arguments: [
        ("invalid_grant", SalesforceError.Code.invalidGrant), ("inactive_user", .invalidGrant),
        ("inactive_org", .invalidGrant), ("invalid_client", .invalidClient),
        ("invalid_client_id", .invalidClient),
        ("redirect_uri_mismatch", .invalidClient), ("invalid_app_access", .accessDenied),
        ("rate_limit_exceeded", .rateLimited), ("unsupported_grant_type", .rejected),
    ])
    func `an OAuth error has the meaning of its code`(name: String, code: SalesforceError.Code) {
        let found = error(400, #"{"error":"\#(name)","error_description":"expired access/refresh token"}"#)
        #expect(found.code == code)
        #expect(found.errorCode == name)
    }

    @Test func `a plain-text error of the identity URL is parsed`() {
        #expect(error(403, "Bad_OAuth_Token").code == .unauthorized)
        #expect(error(403, "Wrong_Org\n").code == .forbidden)
    }

    @Test func `an error page of a proxy has the meaning of its status`() {
        #expect(error(502, "<html>Bad Gateway</html>").code == .serverUnavailable)
        #expect(error(420, "").code == .serverUnavailable)
        #expect(error(404, "").code == .notFound)
        #expect(error(400, "[]").code == .rejected)
    }

    @Test func `descriptions contain no text from the org`() {
        let found = error(400, #"[{"message":"secret row","errorCode":"INVALID_FIELD"}]"#)
        #expect("\(found)" == "Salesforce: invalidField, INVALID_FIELD, HTTP 400, GET /x")
        #expect(String(reflecting: found).contains("secret row"))
    }

    @Test func `only errors that can pass by themselves are transient`() {
        #expect(SalesforceError(.serverUnavailable).isTransient)
        #expect(SalesforceError(.requestLimit).isTransient)
        #expect(!SalesforceError(.invalidGrant).isTransient)
        #expect(!SalesforceError(.invalidField).isTransient)
    }
}

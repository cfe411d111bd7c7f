import Encoding
import HTTPClient
import Testing

@testable import Salesforce

struct DoubtTests {
    @Test(arguments: [
        SalesforceError.Code.interrupted, .timedOut, .malformedResponse, .serverUnavailable, .queryTimeout,
        .jobFailed, .tooLarge,
    ])
    func `an error without a clear answer is doubtful`(code: SalesforceError.Code) {
        #expect(SalesforceError(code).isDoubtful)
        var unsent = SalesforceError(code)
        unsent.isUnsent = true
        #expect(!unsent.isDoubtful)
    }

    @Test(arguments: [
        SalesforceError.Code.unreachable, .heldBack, .circuitOpen, .requestLimit, .rateLimited, .unauthorized,
        .forbidden, .notFound, .invalidField, .invalidType, .lockedRow, .duplicateValue, .validation,
        .entityDeleted, .malformedID, .rejected, .conflict, .invalidJobState, .invalidGrant, .hostNotAllowed,
    ])
    func `an error that refuses the call is certain`(code: SalesforceError.Code) {
        #expect(!SalesforceError(code).isDoubtful)
    }

    @Test(arguments: [
        (400, "INVALID_FIELD", false), (400, "JSON_PARSER_ERROR", false), (401, "INVALID_SESSION_ID", false),
        (403, "REQUEST_LIMIT_EXCEEDED", false), (404, "NOT_FOUND", false), (400, "UNABLE_TO_LOCK_ROW", false),
        (500, "UNABLE_TO_LOCK_ROW", false), (413, "", false), (431, "", false), (429, "", false),
        (408, "", true), (500, "UNKNOWN_EXCEPTION", true), (500, "APEX_ERROR", true), (502, "", true),
        (503, "SERVER_UNAVAILABLE", true), (504, "", true), (420, "", true),
    ])
    func `status and code of an answer decide`(status: Int, code: String, isDoubtful: Bool) {
        let body = code.isEmpty ? "" : #"[{"message":"m","errorCode":"\#(code)"}]"#
        let error = ErrorAnswer.error(status: status, body: Array(body.utf8), call: "POST x")
        #expect(error.isDoubtful == isDoubtful)
    }

    @Test func `a connection that failed before a byte was sent is certain`() {
        for code in [HTTPClientError.Code.timedOut, .interrupted, .other, .connect, .tls, .resolve] {
            let unsent = CallSender.error(HTTPClientError(code, requestWasSent: false), call: "POST x")
            #expect(!unsent.isDoubtful)
        }
        for code in [HTTPClientError.Code.timedOut, .interrupted, .other, .tooLarge] {
            let sent = CallSender.error(HTTPClientError(code, requestWasSent: true), call: "POST x")
            #expect(sent.isDoubtful)
        }
    }

    @Test func `a write that could not begin in time is not sent`() async throws {
        try await SimulatedOrg.run { org in
            let write = RecordWrite(
                object: "Account", action: .insert, records: [.object([("Name", .string("Too late"))])])
            let error = await #expect(throws: SalesforceError.self) {
                _ = try await org.rest.write(
                    write, deadline: .seconds(60), latestStart: .now - .milliseconds(1))
            }
            #expect(error?.code == .timedOut && error?.isDoubtful == false)
            let query = try SOQL.select(["Id"], from: "Account").where(
                .compare("Name", .equal, .string("Too late")))
            #expect(try await org.rest.query(query).totalSize == 0)
        }
    }

    @Test func `a call without a token was not sent`() async throws {
        try await SimulatedOrg.run { org in
            let rest = RESTClient(
                http: org.http, hosts: org.oauth.hosts,
                tokens: { _ in throw SalesforceError(.timedOut, message: "refresh") })
            do {
                _ = try await rest.write(
                    RecordWrite(object: "Account", action: .insert, records: [["Name": "a"]]),
                    deadline: .seconds(60))
                Issue.record("no error")
            } catch let error as SalesforceError {
                #expect(error.code == .timedOut && error.isUnsent && !error.isDoubtful)
            }
        }
    }

    @Test func `a harmful call is repeated only shortly after its first attempt`() {
        func pause(_ repetition: CallRetry.Repetition, elapsed: Duration) -> Duration? {
            CallRetry.pause(
                after: SalesforceError(.lockedRow), attempt: 1, repetition: repetition, elapsed: elapsed,
                remaining: .seconds(600), chance: 0.5)
        }
        #expect(pause(.harmful, elapsed: .seconds(20)) != nil)
        #expect(pause(.harmful, elapsed: .seconds(30)) == nil)
        #expect(pause(.harmless, elapsed: .seconds(300)) != nil)
    }
}

import Encoding
import Foundation
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import Jobs

struct SidekiqPayloadTests {
    let created = Date(timeIntervalSince1970: 1_795_225_022)

    func payload(arguments: String = #"["t9"]"#) throws -> SidekiqPayload {
        SidekiqPayload(
            id: try #require(JobID("280f0123456789abcdef0123")), className: "ProvisionOrganization",
            arguments: JobArguments(text: arguments), lane: LaneName(text: "default"), maximumAttempts: 26,
            createdAt: created)
    }

    @Test func `a waiting job is written byte for byte`() throws {
        #expect(
            try payload().waiting
                == #"{"retry":25,"queue":"default","class":"ProvisionOrganization","args":["t9"],"#
                + #""jid":"280f0123456789abcdef0123","created_at":1795225022.000000}"#)
    }

    @Test func `a job in a lane has the time of its push`() throws {
        let text = try payload().enqueued(at: Date(timeIntervalSince1970: 1_795_225_022.81029))
        #expect(text.hasSuffix(#","enqueued_at":1795225022.810290}"#))
        #expect(try payload().waiting.dropLast() == text.prefix(try payload().waiting.count - 1))
    }

    @Test func `a failed job has every field that Sidekiq's pages read`() throws {
        var job = try payload()
        job.failure = .init(
            failures: 1, errorClass: "SalesforceError", message: "a \"b\"\n\u{1}é", failedAt: created)
        #expect(
            job.waiting.hasSuffix(
                #","error_message":"a \"b\"\n\u0001é","error_class":"SalesforceError","#
                    + #""failed_at":1795225022.000000,"retry_count":0}"#))
        job.failure?.failures = 3
        #expect(job.waiting.hasSuffix(#""retry_count":2,"retried_at":1795225022.000000}"#))
    }

    @Test(arguments: [
        (0.0, "0.000000"), (1_795_225_022, "1795225022.000000"), (1.5, "1.500000"),
        (1_795_225_022.000001, "1795225022.000001"), (1_795_225_021.9999999, "1795225022.000000"),
    ])
    func `a time always has a decimal point and six decimals`(_ seconds: Double, _ text: String) {
        #expect(SidekiqPayload.seconds(Date(timeIntervalSince1970: seconds)) == text)
    }

    @Test func `any text is valid JSON`() throws {
        let text = String(String.UnicodeScalarView((0..<0x300).compactMap(Unicode.Scalar.init)))
        let json =
            try JSONSerialization.jsonObject(
                with: Data("[\(JSONText.quoted(text))]".utf8)) as? [String]
        #expect(json == [text])
    }
}

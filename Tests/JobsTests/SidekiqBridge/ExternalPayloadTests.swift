import Foundation
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge
@testable import JobIndex

/// Payloads of other clients are read strictly, and refused with a reason.
struct ExternalPayloadTests {
    private func read(_ text: String) throws -> ExternalPayload {
        try ExternalPayload(text, limits: JobsLimits())
    }

    private func refusal(_ text: String) throws -> String {
        try #require(throws: ExternalPayload.Refusal.self) { try read(text) }.reason
    }

    @Test func `a payload of Sidekiq's client is read`() throws {
        let job = try read(
            #"{"retry":true,"queue":"provision","class":"ProvisionTenantJob","args":["t9"],"#
                + #""jid":"280f0123456789abcdef0123","created_at":1795225022.8102925,"enqueued_at":1.0}"#)
        #expect(job.className == "ProvisionTenantJob")
        #expect(job.queue == "provision")
        #expect(job.lane.text == "provision")
        #expect(job.maximumAttempts == nil)
        #expect(job.failure == nil)
        #expect(try #require(job.createdAt).timeIntervalSince1970 == 1_795_225_022.8102925)
    }

    @Test(arguments: [
        ("1795225022.81", 1_795_225_022.81), ("1795225022", 1_795_225_022),
        ("1795225022810", 1_795_225_022.81),
    ])
    func `a time is seconds, or milliseconds of version 8`(_ text: String, _ seconds: Double) throws {
        let job = try read(#"{"class":"A","args":[],"created_at":\#(text)}"#)
        #expect(try #require(job.createdAt).timeIntervalSince1970 == seconds)
    }

    @Test(arguments: ["-1", "0", "1e300", "\"now\"", "null", "[]"])
    func `an invalid time is ignored`(_ text: String) throws {
        #expect(try read(#"{"class":"A","args":[],"created_at":\#(text)}"#).createdAt == nil)
    }

    @Test(arguments: [
        ("true", nil), ("false", 1), ("0", 1), ("5", 6), ("-3", 1), ("9000000000", 1_000_001), ("\"x\"", nil),
    ])
    func `the retries become attempts`(_ text: String, _ attempts: Int?) throws {
        #expect(try read(#"{"class":"A","args":[],"retry":\#(text)}"#).maximumAttempts == attempts)
    }

    @Test func `a lane of a tenant names the tenant`() throws {
        let id = UUID()
        let job = try read(#"{"class":"A","args":[],"queue":"low:t-\#(id.uuidString.lowercased())"}"#)
        #expect(job.queue == "low")
        #expect(job.organizationID == id)
        #expect(try read(#"{"class":"A","args":[]}"#).lane.text == "default")
    }

    @Test func `a failure is read with the count that a page changed`() throws {
        let job = try read(
            #"{"class":"A","args":[],"retry_count":-1,"failed_at":1795225022.5,"retried_at":1795225023.5,"#
                + #""error_class":"E","error_message":"m"}"#)
        let failure = try #require(job.failure)
        #expect(failure.retryCount == -1)
        #expect(failure.lastAt.timeIntervalSince1970 == 1_795_225_023.5)
    }

    @Test func `an envelope of ActiveJob is refused by name`() throws {
        let job = try read(
            #"{"class":"ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper","wrapped":"MailJob","#
                + #""args":[{"job_class":"MailJob"}]}"#)
        #expect(try #require(ExternalImport.refusal(of: job)).contains("MailJob"))
        #expect(ExternalImport.refusal(of: try read(#"{"class":"Nobody","args":[]}"#)) == nil)
    }

    @Test(arguments: ["mailers:low", "a:b:c", "x:t-nobody", "x:f-123", "t-1:f-x"])
    func `a queue's name can contain colons`(_ name: String) throws {
        let job = try read(#"{"class":"A","args":[],"queue":"\#(name)"}"#)
        #expect(job.queue == name)
        #expect(job.organizationID == nil)
        #expect(job.lane.text == name)
    }

    @Test func `a payload that is not UTF-8 is refused, because its job would run with other arguments`()
        throws
    {
        let bytes = Array(#"{"class":"A","args":["caf"#.utf8) + [0xe9] + Array(#""]}"#.utf8)
        let refusal = try #require(throws: ExternalPayload.Refusal.self) {
            try ExternalPayload.read(bytes, limits: JobsLimits())
        }
        #expect(refusal.reason.contains("not UTF-8"))
    }

    @Test(arguments: [
        ("", "not a JSON object"), ("nonsense", "not a JSON object"), ("[1]", "not a JSON object"),
        ("\"x\"", "not a JSON object"), ("{}", "no class"), (#"{"class":7,"args":[]}"#, "no class"),
        (#"{"class":"<b>","args":[]}"#, "class is not"), (#"{"class":"A"}"#, "args are not an array"),
        (#"{"class":"A","args":{}}"#, "args are not an array"),
        (#"{"class":"A","args":[],"queue":"a b"}"#, "queue is not"),
        (String(repeating: "[", count: 100_000), "not a JSON object"),
        (#"{"class":"A","args":[],"x":"\#(String(repeating: "y", count: 1 << 20))"}"#, "larger than 1048576"),
    ])
    func `a payload that is not a job is refused with the reason`(_ text: String, _ reason: String) throws {
        #expect(try refusal(text).contains(reason))
    }

    @Test func `an entry's key always gives the same id`() {
        #expect(JobID(entryKey: "280f0123456789abcdef0123").text == "280f0123456789abcdef0123")
        let digest = "0123456789abcdef0123456789abcdef01234567"
        #expect(JobID(entryKey: digest).text == "0123456789abcdef01234567")
    }
}

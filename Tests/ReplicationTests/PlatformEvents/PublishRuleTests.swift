import Salesforce
import Testing

@testable import Replication

struct PublishRuleTests {
    private func end(_ code: String?, attempts: Int = 1) -> PlatformEventStore.End {
        let error = code.map { RecordError(code: $0, message: "m") }
        return PublishRule.end(PublishResult(uuid: "u", error: error), attempts: attempts)
    }

    @Test func `a published event has its UUID, a refused one its reason`() {
        #expect(end(nil) == .published(uuid: "u"))
        #expect(end("INVALID_FIELD") == .failed(error: "INVALID_FIELD: m"))
    }

    @Test func `limits of the org are tried again with growing pauses, and not for ever`() {
        #expect(end("LIMIT_EXCEEDED") == .postponed(.seconds(2), error: "LIMIT_EXCEEDED: m"))
        #expect(end("LIMIT_EXCEEDED", attempts: 5) == .postponed(.seconds(32), error: "LIMIT_EXCEEDED: m"))
        #expect(
            end("LIMIT_EXCEEDED", attempts: ReplicationLimits.publishAttempts)
                == .failed(error: "LIMIT_EXCEEDED: m"))
    }

    @Test func `a request without an answer is sent again, and the row says that it may be there twice`() {
        let lost = PublishRule.end(SalesforceError(.timedOut, message: "x"), attempts: 1)
        guard case .postponed(_, let error) = lost else {
            Issue.record("\(lost)")
            return
        }
        #expect(error.hasPrefix("no answer, so it may be published twice"))
        guard case .failed = PublishRule.end(SalesforceError(.invalidType, message: "x"), attempts: 1) else {
            Issue.record("an unknown event is not tried again")
            return
        }
    }

    @Test func `a channel is an event, a custom channel, or the address of one`() {
        #expect(EventChannel("Order_Ready__e")?.address == "/event/Order_Ready__e")
        #expect(EventChannel("/event/Order_Ready__e")?.address == "/event/Order_Ready__e")
        #expect(EventChannel("ns__Order__e")?.address == "/event/ns__Order__e")
        #expect(EventChannel("/event/Orders__chn")?.address == "/event/Orders__chn")
        for wrong in [
            "", "Account", "/data/ChangeEvents", "/event/", "/event/../x__e", "a b__e", "1__e", "x'__e",
        ] {
            #expect(EventChannel(wrong) == nil, "\(wrong)")
        }
    }
}

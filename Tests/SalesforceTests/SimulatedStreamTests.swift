import Foundation
import HTTPClient
import Support
import Synchronization
import Testing

@testable import Salesforce

/// The stream and the calls around it against the simulated org.
struct SimulatedStreamTests {
    private final class Received: Sendable {
        private let events = Mutex<[ChangeEvent]>([])
        private let live = Mutex(false)
        var isLive: Bool { live.withLock { $0 } }
        func note(_ isLive: Bool) { live.withLock { $0 = isLive } }
        var all: [ChangeEvent] { events.withLock { $0 } }
        func take(_ messages: [StreamMessage]) {
            for case .change(let event, _) in messages { events.withLock { $0.append(event) } }
        }
    }

    /// Runs a stream of all change events while `body` runs.
    private static func stream(
        _ org: SimulatedOrg, _ replay: ReplayPosition,
        _ body: (Received) async throws -> Void
    ) async throws {
        let received = Received()
        let stream = CometDStream(
            polls: PollClient(limits: org.http.limits), hosts: org.oauth.hosts, tokens: org.tokens)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await stream.run(
                    [StreamSubscription(channel: "/data/ChangeEvents", replay: replay)],
                    onState: { received.note($0) }
                ) { messages in received.take(messages) }
            }
            try await eventually("the subscription") { received.isLive }
            try await body(received)
            group.cancelAll()
        }
    }

    @Test func `creations, updates, deletions and undeletions arrive in commit order`() async throws {
        try await SimulatedOrg.run { org in
            try await Self.stream(org, .newOnly) { received in
                try await org.change(#"{"kind":"create","object":"Account","count":2}"#)
                try await eventually("creations") { received.all.count == 2 }
                let id = received.all[0].recordIDs[0]
                for kind in ["update", "delete", "undelete"] {
                    try await org.change(#"{"kind":"\#(kind)","object":"Account","ids":["\#(id)"]}"#)
                }
                try await eventually("all events") { received.all.count == 5 }
                #expect(received.all.map(\.kind) == [.create, .create, .update, .delete, .undelete])
                #expect(received.all.allSatisfy { $0.entityName == "Account" })
                #expect(received.all.map(\.replayID) == received.all.map(\.replayID).sorted())
            }
        }
    }

    @Test func `events of an interruption arrive after a new subscription, each once`() async throws {
        try await SimulatedOrg.run { org in
            var last = 0
            try await Self.stream(org, .newOnly) { received in
                try await org.change(#"{"kind":"create","count":3,"batch":1}"#)
                try await eventually("events") { received.all.count == 3 }
                last = received.all.last?.replayID ?? 0
            }
            try await org.change(#"{"kind":"create","count":4,"batch":1}"#)
            try await Self.stream(org, .after(last)) { received in
                try await eventually("missed events") { received.all.count == 4 }
                try await org.change(#"{"kind":"settings","settings":{"expireTokens":true}}"#)
                try await org.change(#"{"kind":"create","count":2,"batch":1}"#)
                try await eventually("events after the token expired") { received.all.count >= 6 }
                #expect(Set(received.all.map(\.replayID)).count == received.all.count)
            }
        }
    }

    @Test func `gaps, overflows and wildcards are events with a header only`() async throws {
        try await SimulatedOrg.run { org in
            try await Self.stream(org, .newOnly) { received in
                for kind in ["gap", "overflow", "wildcard"] {
                    let type = kind == "gap" ? #","changeType":"GAP_UPDATE""# : ""
                    try await org.change(#"{"kind":"\#(kind)","object":"Account"\#(type)}"#)
                }
                try await eventually("events") { received.all.count == 3 }
                #expect(received.all.map(\.kind) == [.gapUpdate, .gapOverflow, .gapUpdate])
                #expect(received.all[2].recordIDs == ["001*"])
            }
        }
    }

    @Test func `an invalid replay id and an unknown channel end the stream with their codes`() async throws {
        try await SimulatedOrg.run { org in
            let stream = CometDStream(
                polls: PollClient(limits: org.http.limits), hosts: org.oauth.hosts, tokens: org.tokens)
            for (channel, replay, code) in [
                ("/data/ChangeEvents", ReplayPosition.after(987_654_321), StreamError.Code.replayInvalid),
                ("/data/Nope__chn", .newOnly, .channelMissing),
            ] {
                let error = await #expect(throws: StreamError.self) {
                    try await stream.run(
                        [StreamSubscription(channel: channel, replay: replay)], onState: { _ in }
                    ) { _ in }
                }
                #expect(error?.code == code && error?.channel == channel)
            }
        }
    }

    @Test func `channels and lists of objects are read from the org`() async throws {
        try await SimulatedOrg.run { org in
            let channels = try await org.rest.eventChannels()
            #expect(channels.standard.contains("Account") && channels.standard.contains("Tweet__c"))
            guard case .yes(let list, let modified) = try await org.rest.objects(since: nil) else {
                Issue.record("no list")
                return
            }
            #expect(list.objects["Account"]?.isQueryable == true)
            if case .yes = try await org.rest.objects(since: modified) { Issue.record("not 304") }
            if case .yes = try await org.rest.describe("Account", since: modified) { Issue.record("not 304") }
        }
    }
}

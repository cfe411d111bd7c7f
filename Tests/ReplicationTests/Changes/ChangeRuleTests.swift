import Encoding
import Foundation
import Organizations
import Postgres
import Salesforce
import TenantSchema
import Testing

@testable import Replication

/// The pure rules of reading changes, as tables of cases.
struct ChangeRuleTests {
    private static let start = ContinuousClock.now

    @Test func `work is taken in the order of its times, and a changed time replaces the old one`() {
        var due = DueTimes<Int>()
        for key in [5, 3, 9, 1, 7] { due.set(key, at: Self.start + .seconds(key)) }
        due.set(9, at: Self.start)
        due.remove(3)
        due.advance(7, to: Self.start + .seconds(60))
        due.advance(7, to: Self.start + .seconds(2))
        var taken: [Int] = []
        while let key = due.take(due: Self.start + .seconds(10)) { taken.append(key) }
        #expect(taken == [9, 1, 7, 5])
        #expect(due.next() == nil && due.isEmpty)
    }

    @Test func `work that is not due is not taken`() {
        var due = DueTimes<String>()
        due.set("later", at: Self.start + .seconds(5))
        #expect(due.take(due: Self.start) == nil)
        #expect(due.next() == Self.start + .seconds(5))
    }

    private static let marks: [(Double, Double?, Duration, Double?, Double)] = [
        // The Date header has whole seconds, so the mark is a second earlier.
        (100, 200, .seconds(2), 150, 197),
        // The mark never moves back.
        (300, 200, .seconds(2), 150, 300),
        // Without a Date header: the newest change.
        (100, nil, .zero, 150, 150),
        (100, nil, .zero, nil, 100),
    ]

    @Test(arguments: marks)
    func `the time mark moves to the start of the query on Salesforce's clock`(
        previous: Double, answered: Double?, took: Duration, newest: Double?, expected: Double
    ) {
        let mark = PollRule.mark(
            previous: Date(timeIntervalSince1970: previous),
            answeredAt: answered.map(Date.init(timeIntervalSince1970:)), took: took,
            newest: newest.map(Date.init(timeIntervalSince1970:)))
        #expect(mark == Date(timeIntervalSince1970: expected))
    }

    @Test func `polls slow down beside events and for a short allowance, and never below the minimum`() {
        let minimum = Duration.seconds(10)
        #expect(PollPace(interval: .seconds(600), isFed: false).pause(minimum: minimum) == .seconds(600))
        #expect(PollPace(interval: .seconds(600), isFed: true).pause(minimum: minimum) == .seconds(3_600))
        #expect(PollPace(interval: .seconds(7_200), isFed: true).pause(minimum: minimum) == .seconds(7_200))
        #expect(PollPace(interval: .seconds(1), isFed: false).pause(minimum: minimum) == minimum)
        #expect(
            PollPace(interval: .seconds(60), isFed: false, slowdown: 4).pause(minimum: minimum)
                == .seconds(240))
    }

    @Test(arguments: [
        (StreamError.Code.replayInvalid, 1, StreamReaction.catchUp(channel: "/data/X")),
        (.channelMissing, 1, .pollOnly(retryAfter: .seconds(3_600), channel: "/data/X")),
        (.notPermitted, 1, .pollOnly(retryAfter: .seconds(900), channel: nil)),
        (.deliveryLimit, 1, .pollOnly(retryAfter: .seconds(3_600), channel: nil)),
        (.clientLimit, 1, .pollOnly(retryAfter: .seconds(300), channel: nil)),
        (.unauthorized, 2, .retry(after: .seconds(4))),
        (.unauthorized, 30, .retry(after: .seconds(900))),
        (.malformedResponse, 1, .retry(after: .seconds(2))),
        (.refused, 5, .pollOnly(retryAfter: .seconds(300), channel: nil)),
        // An org that refuses each position is not asked for ever.
        (.replayInvalid, 5, .pollOnly(retryAfter: .seconds(300), channel: nil)),
    ])
    func `each end of a stream has its reaction`(
        code: StreamError.Code, failures: Int, expected: StreamReaction
    ) {
        #expect(StreamReaction(StreamError(code, channel: "/data/X"), failures: failures) == expected)
    }

    @Test func `a stream that is connected but delivers nothing is noticed by polls`() {
        var health = StreamHealth()
        func poll(_ newest: Double?, lastEvent: Double?, connected: Double? = 0, now: Double = 10_000) {
            health.notePoll(newest: newest, lastEvent: lastEvent, connectedSince: connected, now: now)
        }
        poll(9_990, lastEvent: nil)
        #expect(health.silentPolls == 0, "the event may still come")
        poll(5_000, lastEvent: 5_000)
        poll(nil, lastEvent: nil)
        #expect(health.silentPolls == 0)
        poll(5_000, lastEvent: 4_000)
        #expect(health.silentPolls == 1 && !health.isSilent)
        poll(5_000, lastEvent: 4_000)
        #expect(!health.isSilent, "the overlap shows the same change again")
        poll(6_000, lastEvent: 4_000)
        #expect(health.isSilent)
        poll(6_000, lastEvent: 4_000, connected: nil)
        health.noteEvent()
        #expect(!health.isSilent)
        var unconnected = StreamHealth()
        unconnected.notePoll(newest: 5_000, lastEvent: nil, connectedSince: 6_000, now: 10_000)
        #expect(unconnected.silentPolls == 0, "a change from before the connection")
    }

    @Test func `a Salesforce transaction is not divided unless it is larger than the limit`() {
        func message(_ key: String) -> StreamMessage {
            .change(
                ChangeEvent(
                    entityName: "Account", recordIDs: [], kind: .update, commitTimestamp: Date(),
                    transactionKey: key, replayID: 1), channel: "/data/ChangeEvents")
        }
        func sizes(_ keys: String, _ limit: Int) -> [Int] {
            EventCut.slices(keys.map { message(String($0)) }, limit: limit).map(\.count)
        }
        #expect(sizes("aabbbc", 4) == [2, 4])
        #expect(sizes("aaaaaaab", 3) == [3, 3, 2])
        #expect(sizes("abcd", 2) == [2, 2])
        #expect(sizes("", 2).isEmpty)
    }

    @Test func `JSON values become the texts of their columns`() throws {
        func text(_ json: String) throws -> String? {
            ColumnText.text(try JSONValue(parsing: Array(json.utf8)), .text)
        }
        #expect(try text("null") == nil && text("\"\"") == nil)
        #expect(try text("23.0") == "23.0" && text("true") == "true")
        #expect(try text("\"a\\u0000b\"") == "ab")
        #expect(try text("[\"four\",\"six\"]") == "four;six")
        let row = try JSONValue(parsing: Array(#"{"Account":{"Ext__c":"k"},"Parent":null}"#.utf8))
        #expect(ColumnText.value(at: "Account.Ext__c", of: row) == .string("k"))
        #expect(ColumnText.value(at: "Parent.Ext__c", of: row) == .null)
        #expect(ColumnText.value(at: "Name", of: row) == nil)
    }

    @Test func `each error has its consequence`() {
        #expect(ChangeFailure(ReplicationError(.leaseLost)) == .ends)
        #expect(ChangeFailure(CancellationError()) == .ends)
        #expect(ChangeFailure(SalesforceError(.invalidField)) == .schema)
        #expect(ChangeFailure(SalesforceError(.requestLimit)) == .tenant)
        #expect(ChangeFailure(SalesforceError(.serverUnavailable)) == .passes)
        #expect(ChangeFailure(PostgresError(.server, "", sqlState: .undefinedTable)) == .table)
        #expect(ChangeFailure(PostgresError(.connection, "")) == .passes)
        #expect(ChangePause.after(.passes, failures: 1) == .seconds(10))
        #expect(ChangePause.after(.table, failures: 30) == ReplicationLimits.longestPollPause)
    }

    @Test func `a date header is read as it is written`() {
        let text = InternetDate.http(secondsSince1970: 1_714_557_605)
        #expect(InternetDate.secondsSince1970(http: text) == 1_714_557_605)
        #expect(InternetDate.secondsSince1970(http: "yesterday") == nil)
        #expect(InternetDate.secondsSince1970(http: "Wed, 31 Feb 2024 10:00:05 GMT") == nil)
    }
}

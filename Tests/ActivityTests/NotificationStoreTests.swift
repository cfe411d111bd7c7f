import Foundation
import Postgres
import Support
import Testing

@testable import Activity

@Suite(.tags(.store))
struct NotificationStoreTests {
    @Test func `a notification is open until an operator acknowledges it`() async throws {
        try await withTenant { tenant, connection in
            let store = NotificationStore(on: connection)
            try await store.add("unauthorized", organization: tenant, message: "sync has stopped")
            let open = try await store.open()
            #expect(open.map(\.message) == ["sync has stopped"] && open.first?.organizationName == "Acme")
            let first = try #require(open.first)
            #expect(try await store.acknowledge(first.id, by: "ann"))
            #expect(try await store.acknowledge(first.id, by: "bob") == false)
            #expect(try await store.open().isEmpty)
            let record = try #require(
                try await ActivityStore(on: connection).list(organization: tenant).first)
            #expect(record.action == "notification_acknowledged" && record.actor == "ann")
            #expect(record.detail == "unauthorized \(first.id)")
        }
    }

    @Test func `a standing notification is added once until its cause is gone, also if it is acknowledged`()
        async throws
    {
        try await withTenant { tenant, connection in
            let store = NotificationStore(on: connection)
            func add(_ channel: String) async throws {
                try await store.addStanding(
                    "event_channel_missing", organization: tenant, subject: channel, message: "no: such")
            }
            for channel in ["/event/A__e", "/event/A__e", "/event/B__e"] { try await add(channel) }
            #expect(try await store.open().count == 2)
            #expect(try await store.acknowledgeAll(by: "ann") == 2)
            try await add("/event/A__e")
            #expect(try await store.open().isEmpty)
            let standing = try await store.standing("event_channel_missing", organization: tenant)
            #expect(standing == ["/event/A__e": "no: such", "/event/B__e": "no: such"])
            try await store.endStanding(
                "event_channel_missing", organization: tenant, subjects: ["/event/A__e"])
            #expect(
                try await store.standing("event_channel_missing", organization: tenant).keys.sorted()
                    == ["/event/B__e"])
            try await add("/event/A__e")
            #expect(try await store.open().map(\.message) == ["/event/A__e: no: such"])
        }
    }

    @Test func `an event that repeats is open once for each tenant, until its cause is gone`() async throws {
        try await withTenant { tenant, connection in
            let store = NotificationStore(on: connection)
            for organization in [nil, tenant, nil, tenant] {
                try await store.addOnce("mail_failing", organization: organization, message: "no server")
            }
            #expect(try await store.open().count == 2)
            try await store.resolve(["mail_failing"], organization: nil)
            #expect(try await store.open().map(\.organization) == [tenant])
            try await store.addOnce("mail_failing", organization: nil, message: "no server")
            #expect(try await store.open().count == 2)
            #expect(try await store.acknowledgeAll(by: "ann") == 2)
            #expect(try await store.acknowledgeAll(by: "ann") == 0)
            let records = try await ActivityStore(on: connection).list().map(\.detail)
            #expect(records.first == "2 notifications" && records.count { $0 == "0 notifications" } == 0)
        }
    }

    @Test func `a source that floods operators hides no event of another source, and its own are counted`()
        async throws
    {
        try await withTenant { _, connection in
            let store = NotificationStore(on: connection)
            func refuse(_ message: String, from source: String) async throws {
                try await store.add(
                    "registration_refused", message: message, source: source,
                    limits: .init(perSource: 2, total: 4), summary: "{count} more, the last from \(source)")
            }
            for index in 0..<5 { try await refuse("stranger \(index)", from: "203.0.113.9") }
            try await refuse("stranger 0", from: "203.0.113.9")
            try await refuse("org", from: "198.51.100.7")
            #expect(
                try await store.open().map(\.message) == [
                    "org", "3 more, the last from 203.0.113.9", "stranger 1", "stranger 0",
                ])
            // Many sources together reach the total limit; the summary still says how many events there were.
            for index in 0..<3 { try await refuse("other \(index)", from: "192.0.2.\(index)") }
            let open = try await store.open().map(\.message)
            #expect(open.count == 5 && open.contains("5 more, the last from 192.0.2.2"))
            _ = try await store.acknowledgeAll(by: "ann")
            for index in 0..<3 { try await refuse("again \(index)", from: "203.0.113.9") }
            #expect(
                try await store.open().map(\.message) == [
                    "1 more, the last from 203.0.113.9", "again 1", "again 0",
                ])
        }
    }

    @Test func `only notifications acknowledged long ago are removed`() async throws {
        try await withTenant { tenant, connection in
            let store = NotificationStore(on: connection)
            for message in ["open", "recent", "old"] {
                try await store.add("table_adjusted", organization: tenant, message: message)
            }
            try await connection.execute(
                """
                update multiconnect.notifications set created_at = now() - interval '1 year',
                    acknowledged_at = case message when 'old' then now() - interval '2 days'
                        when 'recent' then now() end
                """)
            #expect(try await store.prune(olderThan: .seconds(86_400), limit: 10) == 1)
            let left: [String] = try await connection.query(
                "select message from multiconnect.notifications order by id"
            ).column()
            #expect(left == ["open", "recent"])
        }
    }
}

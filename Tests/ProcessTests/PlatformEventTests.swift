import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// Platform events of a whole installation: what the org forgets, and what it does not deliver.
    @Suite(.tags(.process), .serialized)
    struct PlatformEventTests {
        @Test func `platform events that the org has forgotten are reported, and later ones arrive`()
            async throws
        {
            try await withFeed { rig, _, _ in
                _ = try rig.run("events", "subscribe", rig.org.id, "Order_Ready__e")
                try await rig.untilSubscribed()
                rig.worker.kill()
                try await rig.publish(1)
                try await rig.orgSettings(#"{"forgetEvents":true}"#)
                let worker = try rig.deployment.startWorker()
                defer { worker.kill() }
                try await eventually(within: .seconds(60), "reported\n\(worker.output.suffix(2000))") {
                    try await rig.app(
                        """
                        select exists (select from multiconnect.notifications
                          where event_type = 'platform_events_lost' and acknowledged_at is null)
                        """
                    ).scalar()
                }
                try await eventually(within: .seconds(60), "a later event arrives") {
                    try await rig.publish(2)
                    try await Task.sleep(for: .milliseconds(300))
                    return try await received("in-2", rig)
                }
                #expect(try await !received("in-1", rig))
            }
        }

        @Test func `events that come while the allowance is used up arrive when it is free`() async throws {
            try await withFeed { rig, _, _ in
                _ = try rig.run("events", "subscribe", rig.org.id, "Order_Ready__e")
                try await rig.untilSubscribed()
                rig.worker.kill()
                try await rig.orgSettings(#"{"deliveryAllowance":0,"endSessions":true}"#)
                try await rig.publish(1)
                let limited = try rig.deployment.startWorker()
                try await eventually(within: .seconds(60), "polled only\n\(limited.output.suffix(2000))") {
                    try await rig.app(
                        "select exists (select from multiconnect_sync.stream_states where state <> 'connected')"
                    ).scalar()
                }
                #expect(try await !received("in-1", rig))
                limited.kill()
                try await rig.orgSettings(#"{"deliveryAllowance":50000}"#)
                let free = try rig.deployment.startWorker()
                defer { free.kill() }
                try await eventually(within: .seconds(60), "it arrives\n\(free.output.suffix(2000))") {
                    try await received("in-1", rig)
                }
            }
        }

        @Test func `a channel that the org does not have is reported once, with its answer`() async throws {
            try await withFeed { rig, _, _ in
                _ = try rig.run("events", "subscribe", rig.org.id, "Nosuch__e")
                try await eventually(within: .seconds(60), "the list has the org's answer") {
                    let list = try rig.command("events", "list", rig.org.id).output
                    return list.contains("doesn't exist")
                }
                let open = """
                    select count(*) from multiconnect.notifications
                    where event_type = 'event_channel_missing' and acknowledged_at is null
                    """
                #expect(try await rig.app(open).scalar(as: Int.self) == 1)
                _ = try rig.run("events", "unsubscribe", rig.org.id, "Nosuch__e")
                #expect(try await rig.app(open).scalar(as: Int.self) == 0)
            }
        }

        private func received(_ number: String, _ rig: ApplicationRig) async throws -> Bool {
            try await rig.app(
                """
                select exists (select from T._platform_event_log
                  where payload->>'Order_Number__c' = '\(number)')
                """
            ).scalar()
        }

        @Test func `the tables of platform events are there before the first command`() async throws {
            try await withFeed { rig, _, _ in
                try await rig.app(
                    """
                    insert into T._platform_events (event_name, payload)
                    values ('Order_Ready__e', '{"Order_Number__c": "first"}')
                    """)
                try await eventually(within: .seconds(20), "it is published without a command") {
                    try await rig.app("select bool_and(state = 'SUCCESS') from T._platform_events").scalar()
                }
            }
        }
    }
}

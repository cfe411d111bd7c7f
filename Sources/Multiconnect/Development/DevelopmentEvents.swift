import FoundationEssentials
import Organizations
import Postgres
import Reactor
import Replication

/// Publishes a platform event with plain SQL, and shows it arriving in the simulated org and coming back over
/// the org's stream.
struct DevelopmentEvents: Sendable {
    private enum Limits {
        /// Between two looks at the tables.
        static let pause = Duration.milliseconds(2)
        /// After this time an event is reported as missing.
        static let timeout = Duration.seconds(30)
    }

    /// An event that each simulated org has.
    private static let event = "Order_Ready__e"

    let org: SimulatedOrg
    let pool: PostgresPool

    /// Returns whether the event was published and received.
    func show() async throws -> Bool {
        let organization = try await org.tenant(in: pool)
        guard let organization, let channel = EventChannel(Self.event) else { return true }
        StandardOutput.write(line: "\nplatform events of \(org.name):")
        let book = EventBook(control: pool, cells: [organization.cell: pool])
        // Also retained ones: the event can be published before the worker has subscribed to the channel.
        _ = try await book.subscribe(channel, includesRetained: true, of: organization, by: "demo")
        let (schema, name) = (organization.schemaName, Self.event)
        let outbox: SQL = "\(identifier: schema, "_platform_events")"
        let log: SQL = "\(identifier: schema, "_platform_event_log")"
        let start = ContinuousClock.now
        let id: Int = try await pool.withConnection {
            try await $0.query(
                """
                insert into \(outbox) (event_name, payload)
                values (\(name), '{"Order_Number__c": "demo"}') returning id
                """
            ).scalar()
        }
        let isPublished = try await arrived("insert into _platform_events: published", since: start) {
            "select true from \(outbox) where id = \(id) and state = 'SUCCESS'"
        }
        guard isPublished else { return false }
        return try await arrived("received in _platform_event_log", since: start) {
            "select true from \(log) where payload ->> 'Order_Number__c' = 'demo'"
        }
    }

    /// Waits until the query has a row, and shows the time since `start`.
    private func arrived(
        _ what: String, since start: ContinuousClock.Instant, _ query: @Sendable () -> SQL
    ) async throws -> Bool {
        let deadline = ContinuousClock.now + Limits.timeout
        while .now < deadline {
            let found = try await pool.withConnection { try await $0.query(query()).first != nil }
            if found {
                let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
                StandardOutput.write(line: "  \(what) after \(milliseconds) ms")
                return true
            }
            try await EventLoop.current.sleep(for: Limits.pause)
        }
        StandardOutput.write(line: "  \(what): not after \(Limits.timeout)")
        return false
    }
}

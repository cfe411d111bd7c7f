import Activity
import Encoding
import Foundation
import Jobs
import Logging
import Organizations
import Postgres
import Reactor
import Salesforce
import Support
import Synchronization
import Testing

@testable import Replication

/// A transport whose messages a test sends.
final class ScriptedStream: EventStream {
    private struct State {
        var batches: [[StreamMessage]] = []
        var subscriptions: [[StreamSubscription]] = []
        var errors: [StreamError] = []
        var taken = 0
    }

    private let state = Mutex(State())
    private let arrived = Event()

    var subscriptions: [[StreamSubscription]] { state.withLock(\.subscriptions) }
    var taken: Int { state.withLock(\.taken) }

    func send(_ messages: [StreamMessage]) {
        state.withLock { $0.batches.append(messages) }
        arrived.set()
    }

    /// The next start of the stream throws this.
    func fail(_ error: StreamError) {
        state.withLock { $0.errors.append(error) }
        arrived.set()
    }

    func run(
        _ subscriptions: [StreamSubscription], onState: @escaping @Sendable (Bool) -> Void,
        receive: ([StreamMessage]) async throws -> Void
    ) async throws {
        state.withLock { $0.subscriptions.append(subscriptions) }
        if let error = state.withLock({ $0.errors.isEmpty ? nil : $0.errors.removeFirst() }) { throw error }
        onState(true)
        while true {
            arrived.reset()
            if let error = state.withLock({ $0.errors.isEmpty ? nil : $0.errors.removeFirst() }) {
                throw error
            }
            guard let batch = state.withLock({ $0.batches.first }) else {
                try await arrived.wait()
                continue
            }
            try await receive(batch)
            state.withLock { state in
                state.batches.removeFirst()
                state.taken += 1
            }
        }
    }
}

/// The reading of a tenant from its imports on, with a scripted stream beside a simulated org.
@Suite(.tags(.store), .serialized)
struct TenantSyncTests {
    private static let channel = StreamPlan.allEvents

    /// Imports the tenant and runs its reading while `body` runs.
    private func withSync(
        _ stream: ScriptedStream,
        selected: Set<String> = ["Account", "Contact", "Tweet__c", "Connection__c"],
        _ body: @concurrent @escaping @Sendable (OrgScene, TenantRun) async throws -> Void
    ) async throws {
        try await withOrg { scene in
            _ = try await scene.sync()
            try await scene.control.execute("update multiconnect.organizations set status = 'live'")
            let lease = TenantLease(organizationID: scene.organizationID, cell: "default", epoch: 1)
            try await scene.cell.execute(
                """
                insert into multiconnect_sync.leases (organization_id, epoch)
                values (\(lease.organizationID), 1)
                """
            )
            let run = TenantRun(lease: lease, weight: 1)
            try await sync(scene, run, stream, selected) { try await body(scene, run) }
        }
    }

    private func sync(
        _ scene: OrgScene, _ run: TenantRun, _ stream: ScriptedStream, _ selected: Set<String>,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let watch = ChangeWatch(
            cells: scene.services.cells, period: .milliseconds(50), logger: scene.services.logger)
        var services = SyncServices(
            scene.services, queue: scene.queue, watch: watch, tallies: ChangeTallies())
        services.pace.settled = .zero
        services.stream = { _ in stream }
        services.facts = { _, _, _ in StreamPlan.Facts(selected: selected) }
        let ready = services
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await watch.run() }
            group.addTask { try await TenantSync(ready).run(run) }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func update(_ id: String, _ name: String, replay: Int, at date: Date = Date() + 1)
        -> StreamMessage
    {
        .change(
            ChangeEvent(
                entityName: "Account", recordIDs: [id], kind: .update, commitTimestamp: date,
                fields: ["Name": .value(.string(name))], replayID: replay), channel: Self.channel)
    }

    private func name(_ scene: OrgScene, _ id: String) async throws -> String? {
        try await scene.cell.query(
            "select name from \(identifier: scene.schema, "account") where sfid = \(id)"
        ).first?[0]
    }

    private func anyAccount(_ scene: OrgScene) async throws -> String {
        try await scene.cell.query("select min(sfid) from \(identifier: scene.schema, "account")").scalar()
    }

    @Test
    func `after a takeover reading goes on behind the last event, and the former holder writes nothing`()
        async throws
    {
        let selected: Set<String> = ["Account", "Contact", "Tweet__c", "Connection__c"]
        try await withOrg { scene in
            _ = try await scene.sync()
            try await scene.control.execute("update multiconnect.organizations set status = 'live'")
            let leases = (1...2).map {
                TenantLease(organizationID: scene.organizationID, cell: "default", epoch: $0)
            }
            try await scene.cell.execute(
                """
                insert into multiconnect_sync.leases (organization_id, epoch)
                values (\(scene.organizationID), 1)
                """
            )
            let id = try await anyAccount(scene)
            let stream = ScriptedStream()
            try await sync(scene, TenantRun(lease: leases[0], weight: 1), stream, selected) {
                stream.send([update(id, "first", replay: 5)])
                try await eventually("the event is applied") { stream.taken == 1 }
                #expect(
                    stream.subscriptions.first == [
                        StreamSubscription(channel: Self.channel, replay: .newOnly)
                    ])
            }
            #expect(try await name(scene, id) == "first")
            try await scene.cell.execute("update multiconnect_sync.leases set epoch = 2")
            let late = ScriptedStream()
            late.send([update(id, "late", replay: 9)])
            let error = await #expect(throws: ReplicationError.self) {
                try await sync(scene, TenantRun(lease: leases[0], weight: 1), late, selected) {
                    try await EventLoop.current.sleep(for: .seconds(30))
                }
            }
            #expect(error?.code == .leaseLost)
            #expect(try await name(scene, id) == "first")
            let next = ScriptedStream()
            try await sync(scene, TenantRun(lease: leases[1], weight: 1), next, selected) {
                next.send([update(id, "second", replay: 6, at: Date() + 2)])
                try await eventually("the new holder applies") { try await name(scene, id) == "second" }
                #expect(
                    next.subscriptions.first == [StreamSubscription(channel: Self.channel, replay: .after(5))]
                )
            }
        }
    }

    @Test func `an invalid replay id subscribes to new events and forgets the position`() async throws {
        let stream = ScriptedStream()
        try await withSync(stream) { scene, run in
            let id = try await anyAccount(scene)
            stream.send([update(id, "first", replay: 5)])
            try await eventually("applied") { stream.taken == 1 }
            stream.fail(StreamError(.replayInvalid, channel: Self.channel))
            try await eventually("subscribed again") { stream.subscriptions.count >= 2 }
            #expect(stream.subscriptions.last?.first?.replay == .newOnly)
        }
    }

    @Test func `replay ids that expire again and again are forgotten each time`() async throws {
        let stream = ScriptedStream()
        try await withSync(stream) { scene, run in
            let id = try await anyAccount(scene)
            for number in 1...5 {
                stream.send([update(id, "\(number)", replay: number)])
                try await eventually("applied") { stream.taken == number }
                stream.fail(StreamError(.replayInvalid, channel: Self.channel))
                try await eventually("subscribed again") { stream.subscriptions.count > number }
                #expect(stream.subscriptions.last?.first?.replay == .newOnly)
            }
        }
    }

    @Test func `a refused stream is polled, and operators are notified`() async throws {
        let stream = ScriptedStream()
        stream.fail(StreamError(.notPermitted, message: "403::User not allowed"))
        try await withSync(stream) { scene, run in
            try await eventually("notified") {
                try await scene.notifications().contains { $0.eventType == ChangeNotification.streamRefused }
            }
            try await eventually("shown") {
                let rows = try await scene.cell.query(
                    "select state, feeds::text as feeds from multiconnect_sync.stream_states")
                let state: String? = try rows.first?["state"]
                let feeds: String? = try rows.first?["feeds"]
                return state == "refused" && feeds?.contains("polls stream_refused") == true
            }
        }
    }

    @Test func `an overflow enqueues one reload of its object`() async throws {
        let stream = ScriptedStream()
        try await withSync(stream) { scene, run in
            let overflow = ChangeEvent(
                entityName: "Account", recordIDs: ["000000000000000AAA"], kind: .gapOverflow,
                commitTimestamp: Date(), replayID: 3)
            stream.send([.change(overflow, channel: Self.channel), .change(overflow, channel: Self.channel)])
            try await eventually("enqueued") {
                try await scene.control.query(
                    "select count(*) = 1 from multiconnect.jobs where class = 'ReloadMapping'"
                ).scalar()
            }
        }
    }

    @Test func `a channel without a replay id is caught up by polls after a reconnect`() async throws {
        let stream = ScriptedStream()
        try await withSync(stream) { scene, run in
            try await scene.polled()
            let id = try await anyAccount(scene)
            // The org sends this change to nobody.
            try await scene.change([
                "kind": "update", "ids": [id], "values": ["Name": "missed"], "events": false,
            ])
            #expect(stream.subscriptions.count == 1)
            stream.fail(StreamError(.unauthorized))
            try await eventually("caught up") { try await name(scene, id) == "missed" }
            #expect(stream.subscriptions.count == 2)
            #expect(stream.subscriptions.last?.first?.replay == .newOnly)
        }
    }

    @Test func `a catch-up that did not end before a takeover is made by the next holder`() async throws {
        let selected: Set<String> = ["Account", "Contact", "Tweet__c", "Connection__c"]
        try await withOrg { scene in
            _ = try await scene.sync()
            try await scene.control.execute("update multiconnect.organizations set status = 'live'")
            try await scene.cell.execute(
                """
                insert into multiconnect_sync.leases (organization_id, epoch)
                values (\(scene.organizationID), 1)
                """)
            let lease = TenantLease(organizationID: scene.organizationID, cell: "default", epoch: 1)
            let id = try await anyAccount(scene)
            let stream = ScriptedStream()
            try await sync(scene, TenantRun(lease: lease, weight: 1), stream, selected) {
                stream.send([update(id, "first", replay: 5)])
                try await eventually("applied") { stream.taken == 1 }
                try await scene.polled()
                _ = try await scene.change([
                    "kind": "update", "ids": [id], "values": ["Name": "missed"], "events": false,
                ])
                try await scene.fault(["kind": "fail", "path": "/query", "status": 503, "count": 1_000])
                stream.fail(StreamError(.replayInvalid, channel: Self.channel))
                try await eventually("subscribed again") { stream.subscriptions.count >= 2 }
                // The position that this stores is behind the change that was missed.
                stream.send([update(id, "second", replay: 9, at: .distantPast)])
                try await eventually("applied") { stream.taken == 2 }
            }
            #expect(try await name(scene, id) != "missed")
            try await scene.clearFaults()
            let next = ScriptedStream()
            try await sync(scene, TenantRun(lease: lease, weight: 1), next, selected) {
                try await eventually("caught up") { try await name(scene, id) == "missed" }
                #expect(
                    next.subscriptions.first == [StreamSubscription(channel: Self.channel, replay: .after(9))]
                )
            }
        }
    }

    private func reloads(_ scene: OrgScene) async throws -> Int {
        try await scene.control.query(
            "select count(*) from multiconnect.jobs where class = 'ReloadMapping'"
        ).scalar()
    }

    private func requestReload(_ mapping: Mapping, _ scene: OrgScene) async throws {
        try await scene.cell.withConnection {
            try await ChangeStore().requestReload(mapping.id, because: "gap_overflow", on: $0)
        }
    }

    @Test func `a reload that is requested while its job runs follows it`() async throws {
        let stream = ScriptedStream()
        try await withSync(stream) { scene, run in
            let mapping = try await scene.mapping("Account")
            func jobs() async throws -> Int { try await reloads(scene) }
            func request() async throws { try await requestReload(mapping, scene) }
            try await request()
            try await eventually("enqueued") { try await jobs() == 1 }
            let started: Date = try await scene.cell.query("select clock_timestamp()").scalar()
            try await request()
            try await EventLoop.current.sleep(for: .milliseconds(300))
            // The rows of the job are in the table, and the job itself ends a little later.
            try await scene.cell.withConnection {
                try await ReloadStore().finish(UUID(), of: mapping.id, since: started, columns: [], on: $0)
            }
            try await EventLoop.current.sleep(for: .milliseconds(100))
            try await scene.control.execute(
                """
                update multiconnect.jobs set state = 'done', finished_at = now(), claim_token = null,
                  lease_until = null where class = 'ReloadMapping'
                """)
            try await eventually(within: .seconds(40), "the second job") { try await jobs() == 2 }
        }
    }

    @Test func `a reload that was given up is enqueued again later, not every hour`() async throws {
        let stream = ScriptedStream()
        try await withSync(stream) { scene, run in
            let mapping = try await scene.mapping("Account")
            func jobs() async throws -> Int { try await reloads(scene) }
            func request() async throws { try await requestReload(mapping, scene) }
            func hours() async throws -> Double? {
                try await scene.cell.query(
                    """
                    select extract(epoch from reload_due_at - reload_enqueued_at)::float8 / 3600 as hours
                    from multiconnect_sync.positions where mapping_id = \(mapping.id)
                    """
                ).first?["hours"]
            }
            try await request()
            try await eventually("enqueued") { try await jobs() == 1 }
            try await eventually("noted") { try await hours().map { abs($0 - 1) < 0.01 } ?? false }
            // It is given up. The same request does not enqueue another one.
            for pause in [2.0, 4.0] {
                try await scene.control.execute(
                    """
                    update multiconnect.jobs set state = 'dead', finished_at = now(), claim_token = null,
                      lease_until = null where class = 'ReloadMapping' and finished_at is null
                    """)
                let before = try await jobs()
                try await request()
                try await EventLoop.current.sleep(for: .milliseconds(400))
                #expect(try await jobs() == before)
                try await scene.cell.execute(
                    "update multiconnect_sync.positions set reload_due_at = now()")
                try await request()
                try await eventually("enqueued again") { try await jobs() == before + 1 }
                try await eventually("with a longer pause") {
                    try await hours().map { abs($0 - pause) < 0.01 } ?? false
                }
            }
            // Its table has changed: the reload may succeed now.
            try await scene.control.execute(
                "update multiconnect.jobs set state = 'dead', finished_at = now() where finished_at is null")
            let before = try await jobs()
            try await scene.cell.execute("update multiconnect_sync.synced_tables set updated_at = now()")
            try await eventually("enqueued at once") { try await jobs() == before + 1 }
        }
    }
}

internal import Activity
internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import Salesforce
internal import Synchronization
internal import TenantSchema

/// Reads a tenant's changes while its lease is held: events, polls and requested reads. One value per loop.
package struct TenantSync: Sendable {
    private let services: SyncServices

    package init(_ services: SyncServices) {
        self.services = services
    }

    /// Runs until the calling task is cancelled. Returns early if the tenant's work is not allowed. Throws
    /// `.leaseLost`, and errors that do not pass.
    package func run(_ run: TenantRun) async throws {
        let id = run.lease.organizationID
        run.changes.reset()
        let tenant = try await withOwnTask { [control = services.replication.control] in
            Tenant(try await control.withConnection { try await OrganizationStore(on: $0).get(id: id) })
        }
        guard tenant.work == .allowed else {
            // The lease is released soon. A change of the tenant starts the work again.
            try await run.changes.wait()
            return
        }
        let session = try SyncSession(services, tenant, run.lease)
        try await noting(run) { try await read(run, session) }
    }

    /// Does a part of a tenant's work, and shows on the tenant if it fails again and again.
    package func noting(_ run: TenantRun, _ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch {
            await note(error, of: run.lease.organizationID)
            throw error
        }
    }

    /// Shows that a tenant's work fails again and again.
    private func note(_ error: any Error, of tenant: UUID) async {
        guard !Task.isCancelled, services.troubles.note(error, of: tenant) else { return }
        do {
            try await TenantTrouble(control: services.replication.control).begin(
                .work, of: tenant,
                because: "the tenant's work fails again and again: \(FaultReason.text(error))")
        } catch {
            services.replication.logger.debug(
                "could not show trouble of tenant", metadata: ["error": "\(error)"])
        }
    }

    private func read(_ run: TenantRun, _ session: SyncSession) async throws {
        let (id, tenant) = (session.organization, session.tenant)
        try await withOwnTask { try await session.prepare() }
        services.watch.add(id, cell: tenant.cell) { session.request($0) }
        defer { services.watch.remove(id) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await session.runStream() }
            group.addTask { try await session.runSchedule() }
            group.addTask { try await session.runPolls() }
            group.addTask { try await session.runRereads() }
            group.addTask {
                while true {
                    try await run.changes.wait()
                    run.changes.reset()
                    session.request(.tables)
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

/// One run of a tenant's reading. Its tasks share `state`; all run on one loop.
final class SyncSession: Sendable {
    let services: SyncServices
    let tenant: Tenant
    let cell: PostgresPool
    let fence: WriteFence
    let state = Mutex(SyncState())
    let logger: Logger
    /// Wakes the schedule.
    let wake = Event()
    /// Wakes the polls.
    let pollsWake = Event()
    /// Wakes the reading of requested records.
    let rereadsWake = Event()
    /// Set when the stream's channels changed.
    let channelsChanged = Event()

    var organization: UUID { tenant.id }

    /// Clients of the tenant's org.
    var rest: @Sendable (CallPurpose) -> RESTClient {
        { [sessions = services.replication.sessions, id = tenant.id] in sessions.rest(for: id, $0) }
    }

    init(_ services: SyncServices, _ tenant: Tenant, _ lease: TenantLease) throws {
        self.services = services
        self.tenant = tenant
        cell = try services.replication.cell(of: tenant)
        fence = { try await LeaseStore().hold(lease, on: $0) }
        var logger = services.replication.logger
        logger[metadataKey: "org"] = "\(tenant.orgID)"
        self.logger = logger
    }

    /// Loads tables and positions, and plans the first work.
    func prepare() async throws {
        let stored = try await cell.withCellConnection {
            try await ChangeStore().storedPlan(of: organization, on: $0)
        }
        try await loadTables()
        state.withLock { state in
            if let stored, stored.phase == .connected || stored.phase == .connecting {
                state.plan = stored.plan.keeping(Set(state.tables.keys))
                state.stream.channels = state.plan.channels
                state.stream.feeds = state.plan.feeds
            }
            if stored?.hadError == true { state.stream.lastError = "restarted" }
            state.rebuild(services.layouts)
            let isKnown = !state.plan.channels.isEmpty && Set(state.plan.feeds.keys) == Set(state.tables.keys)
            // Spread over a minute, so that a takeover of many tenants does not ask all orgs at once.
            state.due.set(.plan, at: isKnown ? .now + .seconds(Double.random(in: 5...60)) : .now)
            state.due.set(.report, at: .now + .seconds(1))
            // Earlier if a table lacks columns.
            state.due.advance(
                .schema, to: .now + services.pace.schemaInterval * Double.random(in: 0.05...1))
            state.due.set(.outage, at: .now + services.pace.outage)
            state.due.set(.upgrade, at: .now)
            state.due.set(.health, at: .now + services.pace.healthInterval * Double.random(in: 0.05...0.2))
            // The former holder may have left some.
            state.due.set(.prune, at: .now + ReplicationLimits.pruneInterval * Double.random(in: 0.1...1))
        }
        let ids = state.withLock { Array($0.tables.keys) }
        try await services.replication.control.withConnection {
            try await PollStateStore().settle(ids, on: $0)
        }
    }

    /// Reads the tables again, and plans the polls of new ones.
    func loadTables() async throws {
        let found = try await SyncedTableCatalog(services.replication).tables(of: tenant)
        try await notePaused(found.filter(\.mapping.isPaused).map(\.mapping.id))
        let all = found.filter { !$0.mapping.isPaused }
        // The schema check finds it if the object returns.
        let stopped = all.filter { $0.mapping.state == .error || $0.mapping.state == .invalid }
        let tables = all.filter { $0.mapping.state != .error && $0.mapping.state != .invalid }
        let positions = try await positions(of: all)
        let (streams, subscriptions) = try await cell.withCellConnection { connection in
            (
                try await ChangeStore().streamPositions(of: organization, on: connection),
                try await EventSubscriptionStore().list(of: organization, on: connection)
            )
        }
        let slowdown = Double(services.replication.sessions.pollingFactor(of: organization))
        let isReplanned = state.withLock { state in
            let known = Set(state.tables.keys)
            let isFirst = known.isEmpty && state.facts == nil
            state.stopped = stopped
            state.subscriptions = Dictionary(
                subscriptions.map { ($0.channel, $0) }, uniquingKeysWith: { first, _ in first })
            state.tables = Dictionary(
                tables.map { ($0.mapping.id, $0) }, uniquingKeysWith: { first, _ in first })
            for id in known.subtracting(state.tables.keys) { state.due.remove(.poll(id)) }
            for table in tables where !known.contains(table.mapping.id) {
                let position = positions[table.mapping.id]
                let pause = state.pause(after: table, services.pace, slowdown: slowdown)
                let elapsed = position?.polledAt.map { Date().timeIntervalSince($0) }
                // Events that arrived before the table was known were not applied to it.
                let wait =
                    isFirst
                    ? elapsed.map { max(0, min(pause.timeInterval, pause.timeInterval - $0)) } ?? 0 : 0
                // The stream is planned first: a poll before its connection would be repeated.
                let first = isFirst ? ReplicationLimits.planWait.timeInterval : 0
                state.due.set(.poll(table.mapping.id), at: .now + .seconds(max(wait, first)))
                state.health[table.mapping.id] = StreamHealth()
            }
            if positions.values.contains(where: { $0.reloadReason != nil })
                || tables.contains(where: \.isCursorless)
            {
                state.due.set(.reload, at: .now)
            }
            state.due.set(.caps, at: .now)
            let hasNew = tables.contains { !known.contains($0.mapping.id) }
            if hasNew { state.due.set(.plan, at: .now) }
            let isReplanned = state.replan()
            state.rebuild(services.layouts)
            state.catchUps.formIntersection(state.tables.keys)
            // First subscribe, then poll. A new table of a connected channel is polled now.
            if !state.isConnected {
                state.catchUps.formUnion(
                    state.tables.keys.filter { id in
                        guard !known.contains(id), case .events(let channel)? = state.plan.feeds[id] else {
                            return false
                        }
                        return streams[channel] == nil
                    })
            }
            return isReplanned
        }
        if isReplanned { channelsChanged.set() }
        let incomplete = tables.filter { !$0.lostColumns.isEmpty }.map(\.plan.objectName)
        if !incomplete.isEmpty { suspect(Set(incomplete)) }
        wake.set()
        rereadsWake.set()
    }

    /// Events of paused mappings are not applied, and the positions of their channels move on. So they are
    /// polled at once when they are resumed, on any worker.
    private func notePaused(_ mappings: [UUID]) async throws {
        guard !mappings.isEmpty else { return }
        try await fenced { try await ChangeStore().forgetPolls(of: mappings, on: $0) }
    }

    /// Runs `body` in a transaction that checks the lease first.
    func fenced<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await fence(connection)
            return try await body(connection)
        }
    }

    /// Called by the watch of the loop.
    func request(_ request: ChangeWatch.Request) {
        switch request {
        case .rereads: rereadsWake.set()
        case .reload:
            state.withLock { $0.due.set(.reload, at: .now) }
            wake.set()
        case .tables:
            state.withLock { $0.due.set(.tables, at: .now) }
            wake.set()
        }
    }

    /// Adds a notification for operators, once.
    func notify(_ event: String, _ message: String) async {
        do {
            try await services.replication.control.withConnection {
                try await NotificationStore(on: $0).addOnce(
                    event, organization: organization, message: message)
            }
        } catch {
            logger.debug("could not notify", metadata: ["error": "\(error)"])
        }
    }

    /// Adds a notification about a subscribed channel that the org does not have, once until it has it.
    func notifyMissing(_ channel: String, _ reason: String) async {
        do {
            try await services.replication.control.withConnection {
                try await NotificationStore(on: $0).addStanding(
                    EventSubscription.missingEvent, organization: organization, subject: channel,
                    message: "the org refuses the subscription: \(reason)")
            }
        } catch {
            logger.debug("could not notify", metadata: ["error": "\(error)"])
        }
    }

    /// The org has these channels.
    func endMissing(_ channels: [String]) async {
        guard !channels.isEmpty else { return }
        do {
            try await services.replication.control.withConnection {
                try await NotificationStore(on: $0).endStanding(
                    EventSubscription.missingEvent, organization: organization, subjects: channels)
            }
        } catch {
            logger.debug("could not resolve notifications", metadata: ["error": "\(error)"])
        }
    }

    func resolve(_ events: [String]) async {
        do {
            try await services.replication.control.withConnection {
                try await NotificationStore(on: $0).resolve(events, organization: organization)
            }
        } catch {
            logger.debug("could not resolve notifications", metadata: ["error": "\(error)"])
        }
    }
}

/// The event types of notifications about reading changes.
enum ChangeNotification {
    /// The org refuses the stream; changes are polled.
    static let streamRefused = "stream_refused"
    /// The stream is not connected for some minutes; changes are polled.
    static let streamLost = "stream_lost"
    /// The stream is connected, but polls find changes that did not come as events.
    static let streamSilent = "stream_silent"
    /// The org refuses the PushTopic of a mapping with accelerated polling.
    static let topicRefused = "push_topic_refused"
    /// Objects were moved to polling because the delivered events are nearly used up.
    static let deliveredEvents = "delivered_events_low"
    /// Platform events were older than the org's retention before they were received.
    static let eventsLost = "platform_events_lost"
    /// It is not known up to when a mapping's changes were read.
    static let positionLost = "position_lost"
    /// Somebody has disabled triggers that capture users' changes.
    static let captureDisabled = "capture_disabled"
    /// A mapping cannot be polled.
    static let pollFailed = "poll_failed"
}

extension SyncedTable {
    /// True if the object has no time of change: it is only read as a whole.
    var isCursorless: Bool { plan.cursorField == nil }
}

extension Event {
    /// Waits for `set` or `deadline`. Runs on a loop. Throws `CancellationError`.
    func wait(until deadline: ContinuousClock.Instant) async throws {
        let timer = EventLoop.current.schedule(at: deadline) { self.set() }
        defer { timer.cancel() }
        try await wait()
    }
}

internal import FoundationEssentials
internal import Salesforce
internal import TenantSchema

/// The state and the planned work of a tenant's reading. One value per tenant, so it holds no describes and
/// no rows.
struct SyncState: Sendable {
    /// Work that is due at a time.
    enum Work: Sendable, Hashable {
        /// Reads mappings and tables again.
        case tables
        /// Asks the org for its event channels and its allowance, and plans the stream.
        case plan
        case poll(UUID)
        case reload
        case schema
        /// Stores the stream's state for operators.
        case report
        /// The stream is not connected for too long.
        case outage
        case prune
        /// Brings the tenant's system tables and functions to the present layout.
        case upgrade
        /// Checks the tenant's schema, and ends troubles.
        case health
        /// Reads the API calls of mappings with a maximum.
        case caps
    }

    var tables: [UUID: SyncedTable] = [:]
    /// Tables that are not read: the object is gone.
    var stopped: [SyncedTable] = []
    var decoder = EventDecoder([], plan: StreamPlan(polling: [], because: .unknown))
    var facts: StreamPlan.Facts?
    var plan = StreamPlan(polling: [], because: .unknown)
    /// Subscriptions of platform events, by channel.
    var subscriptions: [String: EventSubscription] = [:]
    /// Channels that the org refuses at present.
    var refusedChannels: Set<String> = []
    /// Mappings with records that the database refuses.
    var refusing: Set<UUID> = []
    /// Tables whose triggers were disabled at the last look. Nil before the first one.
    var disabledCapture: [String]?
    /// Channels of platform events that the stream has subscribed, and whose notifications are to be ended.
    var presentChannels: Set<String> = []
    var isStreamRefused = false
    var due = DueTimes<Work>()
    /// Mappings that wait for their poll, in order.
    var duePolls: [UUID] = []
    var failures: [Work: Int] = [:]
    /// Mappings whose polls wait for API calls.
    var waits: Set<UUID> = []
    /// Mappings that were polled.
    var polled: Set<UUID> = []
    var lastPolls: [UUID: ContinuousClock.Instant] = [:]
    var health: [UUID: StreamHealth] = [:]
    /// By object.
    var lastCommits: [String: Date] = [:]
    var eventCounts: [String: Int] = [:]
    var schemas: [String: String] = [:]
    /// Objects to describe at once.
    var suspects: Set<String> = []
    var lastSchemaCheck: ContinuousClock.Instant?
    /// Whether the user had View All Data when it was last asked.
    var rights: (seesAll: Bool, readAt: ContinuousClock.Instant)?
    /// Mappings to poll when the stream is connected, because their channel has no position.
    var catchUps: Set<UUID> = []
    /// Mappings whose poll after the connection has not ended yet, with the time of the connection. If the
    /// lease is lost meanwhile, the next holder must poll them: the channel then has a position.
    var uncovered: [UUID: ContinuousClock.Instant] = [:]
    /// Mappings that a running transaction keeps due.
    private var keptDue: Set<UUID> = []
    /// The channels as last planned.
    private(set) var subscribed: [String] = []
    /// Channels without a replay id. After a lost connection they begin with new events.
    var unpositioned: Set<String> = []
    var stream = StreamState()
    var isConnected: Bool { stream.phase == .connected }

    /// The channels to subscribe: those of change events, and those of platform events unless the org's
    /// allowance of delivered events is used up. Then they are subscribed later, from their last position.
    var channels: [String] {
        guard !isStreamRefused, facts.map({ !plan.isAllowanceUsed($0) }) ?? true else { return plan.channels }
        let events = subscriptions.keys.filter { !refusedChannels.contains($0) }
        return Set(plan.channels).union(events).sorted()
    }

    /// The mapping's feed as it works now: a stream that is lost or silent feeds nothing.
    func isFed(_ mapping: UUID) -> Bool {
        plan.isFed(mapping) && isConnected && health[mapping]?.isSilent != true
    }

    /// Mappings of channels without a replay id are polled when the stream is connected.
    mutating func catchUpUnpositioned() {
        for (id, feed) in plan.feeds {
            if case .events(let channel) = feed, unpositioned.contains(channel) { catchUps.insert(id) }
        }
    }

    /// The stream is connected: changes before this moment are found by polls.
    mutating func pollCatchUps(now: ContinuousClock.Instant) {
        for id in catchUps {
            uncovered[id] = now
            due.set(.poll(id), at: now)
        }
        catchUps = []
    }

    /// A poll has found all changes of a mapping that the stream has not brought. False if it began before
    /// the connection.
    mutating func cover(_ mapping: UUID, since start: ContinuousClock.Instant) -> Bool {
        guard uncovered[mapping].map({ $0 <= start }) ?? true else { return false }
        uncovered[mapping] = nil
        return true
    }

    /// Mappings whose polls must stay due when the positions of their channels are stored. The caller stores
    /// that, and calls `pollKeptDue` after its transaction.
    mutating func keepDue() -> [UUID] {
        let mappings = catchUps.union(uncovered.keys)
        keptDue.formUnion(mappings)
        return mappings.sorted()
    }

    /// Polls the mappings again whose polls ended while a transaction stored that they stay due: the stored
    /// end of the poll may be lost. True if there are some.
    mutating func pollKeptDue(now: ContinuousClock.Instant) -> Bool {
        let polled = keptDue.subtracting(catchUps).subtracting(uncovered.keys)
        for id in polled { due.advance(.poll(id), to: now) }
        keptDue = []
        return !polled.isEmpty
    }

    /// The pause after a successful poll of a mapping.
    func pause(after table: SyncedTable, _ pace: SyncPace, slowdown: Double) -> Duration {
        if let forced = pace.forcedInterval { return forced }
        return PollPace(
            interval: .seconds(table.mapping.configuration.pollingSeconds), isFed: isFed(table.mapping.id),
            slowdown: slowdown
        ).pause(factor: pace.pollFactor, minimum: pace.minimumInterval)
    }

    /// Plans the stream from the known facts. True if the channels changed.
    mutating func replan() -> Bool {
        let entries = tables.values.map { table in
            StreamPlan.Table(
                mapping: table.mapping.id, object: table.plan.objectName,
                events: eventCounts[table.plan.objectName] ?? 0)
        }.sorted { $0.object < $1.object }
        let before = subscribed
        if isStreamRefused {
            plan = StreamPlan(polling: entries, because: .streamRefused)
        } else if let facts {
            let notified = Set(tables.values.filter(\.mapping.configuration.notify).map(\.mapping.id))
            plan = StreamPlan(entries, facts, moved: plan.moved, notified: notified)
            plan.refuse(refusedChannels)
        } else {
            plan = plan.keeping(Set(tables.keys))
        }
        stream.channels = plan.channels
        stream.feeds = plan.feeds
        subscribed = channels
        return subscribed != before
    }

    /// Builds the decoder for the tables and the plan.
    mutating func rebuild(_ layouts: TableLayouts) {
        var targets: [EventDecoder.Target] = []
        for id in tables.keys.sorted(by: { $0.uuidString < $1.uuidString }) {
            guard var table = tables[id] else { continue }
            let layout = layouts.share(&table)
            tables[id] = table
            targets.append(EventDecoder.Target(table: table, layout: layout))
        }
        decoder = EventDecoder(targets, plan: plan, topics: facts?.topics ?? [:])
    }

    /// Notes applied messages.
    mutating func note(_ decoded: DecodedEvents, now: Date) {
        for (object, number) in decoded.counts { eventCounts[object, default: 0] += number }
        lastCommits.merge(decoded.commits) { max($0, $1) }
        for object in decoded.commits.keys {
            guard let table = tables.values.first(where: { $0.plan.objectName == object }) else { continue }
            health[table.mapping.id]?.noteEvent()
        }
        for (object, schema) in decoded.schemas {
            if let known = schemas[object], known != schema { suspects.insert(object) }
            schemas[object] = schema
        }
        stream.lastEventAt = now
        if let oldest = decoded.oldestCommit {
            stream.lagMilliseconds = max(0, Int(now.timeIntervalSince(oldest) * 1_000))
        }
    }
}

extension StreamPlan {
    /// True if the plan may change soon, because the delivered events are used up or free again.
    func isAllowanceShort(_ facts: Facts) -> Bool {
        guard let delivered = facts.delivered, delivered.maximum > 0 else { return !moved.isEmpty }
        let share = Double(delivered.remaining) / Double(delivered.maximum)
        return !moved.isEmpty || share < ReplicationLimits.deliveredReturn
    }

    /// True if no delivered events are left for platform events.
    func isAllowanceUsed(_ facts: Facts) -> Bool {
        guard let delivered = facts.delivered, delivered.maximum > 0 else { return false }
        return Double(delivered.remaining) / Double(delivered.maximum) <= ReplicationLimits.deliveredStop
    }

    /// Takes refused channels out. Their mappings are polled.
    mutating func refuse(_ refused: Set<String>) {
        guard !refused.isEmpty else { return }
        channels.removeAll { refused.contains($0) }
        for (mapping, feed) in feeds {
            if case .events(let channel) = feed, refused.contains(channel) {
                feeds[mapping] = .polls(.streamRefused)
            }
        }
    }

    /// The plan for these mappings. Used until the org's facts are known.
    func keeping(_ mappings: Set<UUID>) -> StreamPlan {
        var kept = self
        kept.feeds = feeds.filter { mappings.contains($0.key) }
        for mapping in mappings where kept.feeds[mapping] == nil { kept.feeds[mapping] = .polls(.unknown) }
        kept.moved.formIntersection(mappings)
        return kept
    }

    /// The plan that was stored for operators, so that another worker subscribes without asking the org
    /// first.
    init(stored channels: [String], _ feeds: [UUID: Feed]) {
        self.channels = channels
        self.feeds = feeds
        moved = Set(feeds.filter { $0.value == .polls(.allowance) }.keys)
    }
}

extension StreamPlan.Feed {
    /// Reads `text`. Nil for the text of another version.
    init?(_ text: String) {
        let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "events": self = .events(channel: parts[1])
        case "polls":
            guard let reason = StreamPlan.PollReason(rawValue: parts[1]) else { return nil }
            self = .polls(reason)
        default: return nil
        }
    }
}

package import FoundationEssentials
package import Salesforce

/// How a tenant's changes arrive: the channels to subscribe, and what feeds each mapping.
package struct StreamPlan: Sendable, Equatable {
    /// What feeds a mapping.
    package enum Feed: Sendable, Equatable {
        /// Change events of a channel; polls run beside them, less often.
        case events(channel: String)
        case polls(PollReason)
    }

    /// Why a mapping is not fed by events.
    package enum PollReason: String, Sendable, Hashable {
        /// The org does not send change events of the object.
        case notSelected = "not_selected"
        /// Unknown: the org does not allow reading its channels. Events that arrive are applied.
        case unknown
        /// The org's allowance of delivered events is nearly used up.
        case allowance
        /// The stream cannot be subscribed at present.
        case streamRefused = "stream_refused"
    }

    /// One mapping.
    package struct Table: Sendable, Equatable {
        package var mapping: UUID
        package var object: String
        /// Events that arrived since the last start; orders the objects.
        package var events: Int

        package init(mapping: UUID, object: String, events: Int = 0) {
            self.mapping = mapping
            self.object = object
            self.events = events
        }
    }

    /// The org's event channels and its allowance.
    package struct Facts: Sendable, Equatable {
        /// Objects whose changes `/data/ChangeEvents` carries, by API name. Nil if unknown.
        package var selected: Set<String>?
        /// Custom channels, such as `/data/Sync__chn`, with their objects.
        package var custom: [String: Set<String>]
        /// Active PushTopics: object to the topic's name.
        package var topics: [String: String]
        /// Objects without change events for which the org refused a PushTopic, with its reason.
        package var refusedTopics: [String: String] = [:]
        /// The delivered events of 24 hours. Nil if unknown.
        package var delivered: OrgLimit?

        package init(
            selected: Set<String>? = nil, custom: [String: Set<String>] = [:], topics: [String: String] = [:],
            delivered: OrgLimit? = nil
        ) {
            self.selected = selected
            self.custom = custom
            self.topics = topics
            self.delivered = delivered
        }
    }

    /// Sorted, without duplicates.
    package var channels: [String]
    package var feeds: [UUID: Feed]
    /// Mappings that are polled because of the allowance.
    package var moved: Set<UUID>

    package static let allEvents = "/data/ChangeEvents"

    /// Only polls.
    package init(polling tables: [Table], because reason: PollReason) {
        channels = []
        feeds = Dictionary(
            tables.map { ($0.mapping, .polls(reason)) }, uniquingKeysWith: { first, _ in first })
        moved = []
    }

    /// - Parameters:
    ///   - moved: mappings that the previous plan moved to polling.
    ///   - notified: mappings with accelerated polling (`sf_notify_enabled`).
    package init(
        _ tables: [Table], _ facts: Facts, moved previous: Set<UUID> = [], notified: Set<UUID> = []
    ) {
        let offered = facts.custom.values.reduce(facts.selected ?? []) { $0.union($1) }
        let isKnown = facts.selected != nil
        let candidates = tables.filter { offered.contains($0.object) || !isKnown }
        let moved = Self.moved(candidates, facts.delivered, previous)
        let fed = candidates.filter { !moved.contains($0.mapping) }
        let routes = isKnown ? Self.routes(Set(fed.map(\.object)), facts) : [:]
        var feeds: [UUID: Feed] = [:]
        var channels = Set(routes.values)
        if !isKnown, !fed.isEmpty { channels.insert(Self.allEvents) }
        for table in tables {
            if moved.contains(table.mapping) {
                feeds[table.mapping] = .polls(.allowance)
            } else if let channel = routes[table.object] {
                feeds[table.mapping] = .events(channel: channel)
            } else {
                feeds[table.mapping] = .polls(isKnown ? .notSelected : .unknown)
                if notified.contains(table.mapping), let topic = facts.topics[table.object] {
                    channels.insert("/topic/\(topic)")
                }
            }
        }
        self.channels = channels.sorted()
        self.feeds = feeds
        self.moved = moved
    }

    package func isFed(_ mapping: UUID) -> Bool {
        if case .events? = feeds[mapping] { return true }
        return false
    }

    /// The channel of each object. A channel with other objects costs delivered events, so it is taken only
    /// if no other carries the object.
    private static func routes(_ objects: Set<String>, _ facts: Facts) -> [String: String] {
        guard !objects.isEmpty else { return [:] }
        let selected = facts.selected ?? []
        var exact = facts.custom
        exact[allEvents] = selected
        // One channel keeps the commit order of all objects.
        if let channel = exact.filter({ $0.value == objects }).keys.min() {
            return Dictionary(uniqueKeysWithValues: objects.map { ($0, channel) })
        }
        var routes: [String: String] = [:]
        for object in objects {
            if selected.contains(object) {
                routes[object] = EventChannels.channel(of: object)
            } else {
                routes[object] =
                    facts.custom.filter { $0.value.contains(object) }
                    .min {
                        ($0.value.subtracting(objects).count, $0.key) < (
                            $1.value.subtracting(objects).count, $1.key
                        )
                    }?
                    .key
            }
        }
        return routes
    }

    /// The mappings that are polled instead. One object moves or returns with each plan, so that the next
    /// reading of the allowance shows its effect.
    private static func moved(_ tables: [Table], _ delivered: OrgLimit?, _ previous: Set<UUID>) -> Set<UUID> {
        var moved = previous.intersection(tables.map(\.mapping))
        guard let delivered, delivered.maximum > 0 else { return moved }
        let share = Double(delivered.remaining) / Double(delivered.maximum)
        // Busiest first.
        let sorted = tables.sorted { ($1.events, $0.object) < ($0.events, $1.object) }
        if share <= ReplicationLimits.deliveredStop { return Set(tables.map(\.mapping)) }
        if share < ReplicationLimits.deliveredLow {
            if let busiest = sorted.first(where: { !moved.contains($0.mapping) }) {
                moved.insert(busiest.mapping)
            }
        } else if share > ReplicationLimits.deliveredReturn {
            if let calmest = sorted.last(where: { moved.contains($0.mapping) }) {
                moved.remove(calmest.mapping)
            }
        }
        return moved
    }
}

extension StreamPlan.Feed {
    /// For operators: `events /data/ChangeEvents` or `polls allowance`.
    package var text: String {
        switch self {
        case .events(let channel): "events \(channel)"
        case .polls(let reason): "polls \(reason.rawValue)"
        }
    }
}

internal import Encoding
internal import FoundationEssentials
internal import Salesforce
internal import TenantSchema

/// What a tenant's decoded messages ask for. Tables are named by their place in `EventDecoder.targets`.
struct DecodedEvents: Sendable, Equatable {
    /// Records to read again.
    struct Reread: Sendable, Hashable {
        var table: Int
        var reason: RereadReason
    }

    /// The last message of a channel.
    struct Position: Sendable, Equatable {
        var replayID: Int
        var commitAt: Date?
    }

    /// In the order of the messages.
    var changes: [Int: [RecordChange]] = [:]
    var rereads: [Reread: [String]] = [:]
    /// Tables whose rows must all be read again, with the reason.
    var reloads: [Int: String] = [:]
    /// Tables that are polled early.
    var earlyPolls: Set<Int> = []
    /// Deleted and merged records, by object: their children may have changed without events.
    var removed: [String: [String]] = [:]
    var positions: [String: Position] = [:]
    /// The last schema id of each object.
    var schemas: [String: String] = [:]
    /// The last commit of each object.
    var commits: [String: Date] = [:]
    /// Change events of each object.
    var counts: [String: Int] = [:]
    /// Platform events, in the order of the messages.
    var events: [PlatformEvent] = []
    var undecodable = 0
    /// The oldest commit among the events.
    var oldestCommit: Date?
}

/// Translates change events to changes of a tenant's tables.
struct EventDecoder: Sendable {
    /// A table that events are written to.
    struct Target: Sendable {
        var table: SyncedTable
        var layout: TableLayout
    }

    let targets: [Target]
    private let places: [String: Int]
    /// The table of each PushTopic channel.
    private let topics: [String: Int]
    /// Tables to poll when a message of a channel could not be decoded.
    private let carriers: [String: [Int]]

    init(_ targets: [Target], plan: StreamPlan, topics: [String: String] = [:]) {
        self.targets = targets
        let places = Dictionary(
            targets.enumerated().map { ($1.table.plan.objectName, $0) },
            uniquingKeysWith: { first, _ in first })
        self.places = places
        self.topics = Dictionary(
            topics.compactMap { object, topic in places[object].map { ("/topic/\(topic)", $0) } },
            uniquingKeysWith: { first, _ in first })
        var carriers: [String: [Int]] = [:]
        for (place, target) in targets.enumerated() {
            if case .events(let channel)? = plan.feeds[target.table.mapping.id] {
                carriers[channel, default: []].append(place)
            }
        }
        self.carriers = carriers
    }

    func decode(_ messages: ArraySlice<StreamMessage>) -> DecodedEvents {
        var decoded = DecodedEvents()
        for message in messages {
            switch message {
            case .change(let event, let channel):
                decoded.positions[channel] = .init(replayID: event.replayID, commitAt: event.commitTimestamp)
                decode(event, into: &decoded)
            case .event(let event):
                decoded.positions[event.channel] = .init(replayID: event.replayID, commitAt: event.createdAt)
                decoded.events.append(event)
            case .notification(_, let channel, let replayID):
                decoded.positions[channel] = .init(replayID: replayID)
                if let place = topics[channel] { decoded.earlyPolls.insert(place) }
            case .undecodable(_, let channel, let replayID):
                decoded.undecodable += 1
                // Platform events concern no table.
                if !EventChannel.carriesEvents(channel) {
                    decoded.earlyPolls.formUnion(carriers[channel] ?? Array(targets.indices))
                }
                if let replayID {
                    decoded.positions[channel] = .init(
                        replayID: replayID, commitAt: decoded.positions[channel]?.commitAt)
                }
            }
        }
        return decoded
    }

    private func decode(_ event: ChangeEvent, into decoded: inout DecodedEvents) {
        // Objects without a mapping count too: they cost the allowance.
        decoded.counts[event.entityName, default: 0] += 1
        if event.kind == .delete || event.kind == .gapDelete {
            decoded.removed[event.entityName, default: []] += event.recordIDs.filter(Self.isRecord)
        }
        guard let place = places[event.entityName] else { return }
        if !event.schemaID.isEmpty { decoded.schemas[event.entityName] = event.schemaID }
        decoded.commits[event.entityName] = event.commitTimestamp
        decoded.oldestCommit = min(decoded.oldestCommit ?? event.commitTimestamp, event.commitTimestamp)
        guard event.kind != .gapOverflow else {
            decoded.reloads[place] = "gap_overflow"
            return
        }
        guard event.recordIDs.allSatisfy(Self.isRecord) else {
            decoded.reloads[place] = "wildcard_id"
            return
        }
        if let reason = rereadReason(event, place) {
            guard reason != .gap || !PlantedFault.ignoredGap.isPlanted else { return }
            decoded.rereads[.init(table: place, reason: reason), default: []] += event.recordIDs
            return
        }
        decoded.changes[place, default: []] += changes(of: event, targets[place].layout)
        if event.kind == .update, Self.personName(of: event, targets[place].layout) != nil {
            decoded.rereads[.init(table: place, reason: .personName), default: []] += event.recordIDs
        }
    }

    /// The parts of a person's name in the order in which `Name` has them. Events carry the parts only.
    /// Source: Object Reference, Contact.
    private static let nameParts = ["FirstName", "MiddleName", "LastName", "Suffix"]

    /// The column of a person's name, and the name from the event's parts. Nil if the event changes no part
    /// or the table does not have the name.
    private static func personName(of event: ChangeEvent, _ layout: TableLayout) -> (
        column: String, text: String
    )? {
        guard let column = layout.columns["Name"], event.fields["Name"] == nil else { return nil }
        let parts = nameParts.compactMap { event.fields[$0] }
        guard !parts.isEmpty else { return nil }
        let texts = parts.compactMap { part -> String? in
            guard case .value(let json) = part else { return nil }
            return json.string
        }
        return (column.name, texts.joined(separator: " "))
    }

    /// `001*` stands for all records of an object, `000000000000000AAA` for those of an overflow.
    private static func isRecord(_ id: String) -> Bool {
        !id.hasSuffix("*") && !id.hasPrefix("000000000000000") && id.utf8.count == 18
    }

    /// Why the event's records are read again. Nil if its payload is enough.
    private func rereadReason(_ event: ChangeEvent, _ place: Int) -> RereadReason? {
        switch event.kind {
        case .gapCreate, .gapUpdate, .gapDelete, .gapUndelete, .gapOverflow: .gap
        case .delete: nil
        // The payload is partial, so only the org can evaluate the filter.
        case .create, .update, .undelete: targets[place].layout.plan.filter == nil ? nil : .filter
        }
    }

    private func changes(of event: ChangeEvent, _ layout: TableLayout) -> [RecordChange] {
        var cells: [String: String?] = [:]
        var differences: [String: String] = [:]
        var kind = RecordChange.Kind.delete
        if event.kind != .delete {
            kind = event.kind == .update ? .patch : .upsert
            for (field, value) in event.fields {
                guard let column = layout.columns[field] else { continue }
                switch value {
                case .value(let json):
                    cells.updateValue(ColumnText.text(json, column.type), forKey: column.name)
                case .textDiff(let difference): differences[column.name] = difference
                }
            }
            if kind == .upsert, let name = Self.personName(of: event, layout) {
                cells[name.column] = .some(name.text)
            }
            if kind == .upsert, let deleted = layout.deletedColumn { cells[deleted] = "false" }
        }
        let attempt = WriteAttempt.attempt(inOrigin: event.changeOrigin)
        return event.recordIDs.map {
            var change = RecordChange(
                sfid: $0, kind: kind, stamp: event.commitTimestamp, cells: cells, textDiffs: differences,
                attempt: attempt)
            change.isUndelete = event.kind == .undelete
            return change
        }
    }
}

/// Divides messages into transactions.
enum EventCut {
    /// Slices of at most `limit` messages. A Salesforce transaction stays in one slice unless it has more
    /// than `limit` messages.
    static func slices(_ messages: [StreamMessage], limit: Int) -> [ArraySlice<StreamMessage>] {
        var slices: [ArraySlice<StreamMessage>] = []
        var start = 0
        while start < messages.count {
            var end = min(start + limit, messages.count)
            if end < messages.count {
                var boundary = end
                while boundary > start, sameTransaction(messages[boundary - 1], messages[boundary]) {
                    boundary -= 1
                }
                if boundary > start { end = boundary }
            }
            slices.append(messages[start..<end])
            start = end
        }
        return slices
    }

    private static func sameTransaction(_ left: StreamMessage, _ right: StreamMessage) -> Bool {
        guard case .change(let first, _) = left, case .change(let second, _) = right else { return false }
        return !first.transactionKey.isEmpty && first.transactionKey == second.transactionKey
    }
}

internal import FoundationEssentials
internal import Logging
internal import Postgres
internal import Reactor
internal import Salesforce
internal import TenantSchema

/// Writes the messages of a stream to a tenant's tables.
struct EventApplier: Sendable {
    let organization: UUID
    let cell: PostgresPool
    let fence: WriteFence
    let decoder: EventDecoder
    /// Mappings that must be polled because their channels had no position. Their polls are due until they
    /// have ended, also on another worker, which cannot see that from the position that is stored here.
    let uncovered: @Sendable () -> [UUID]
    /// The tenant's subscriptions of platform events, by channel.
    var subscriptions: [String: EventSubscription] = [:]
    var schema = ""
    let applyDiff: RowMerger.DiffApplier
    let tallies: ChangeTallies
    let logger: Logger

    /// How a transaction treats a table that refuses its changes.
    private enum Mode {
        /// Fails.
        case together
        /// Reads the table's records again later, and writes the other tables.
        case isolated
    }

    /// Applies messages in order, in transactions of at most `ReplicationLimits.eventsPerTransaction`. The
    /// replay id commits with the rows. Calls `onApplied` after each commit.
    ///
    /// Repeats a transaction whose error passes. Throws `.leaseLost`, and the error if it does not pass.
    func apply(_ messages: [StreamMessage], onApplied: (DecodedEvents, RowMerger.Counts) throws -> Void)
        async throws
    {
        for slice in EventCut.slices(messages, limit: ReplicationLimits.eventsPerTransaction) {
            let decoded = decoder.decode(slice)
            let counts = try await write(decoded)
            note(decoded)
            try onApplied(decoded, counts)
        }
    }

    private func write(_ decoded: DecodedEvents) async throws -> RowMerger.Counts {
        var mode = Mode.together
        var attempt = 1
        while true {
            do {
                let counts = try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) {
                    try await write(decoded, mode, on: $0)
                }
                tallies.count(counts, of: organization)
                return counts
            } catch {
                let failure = ChangeFailure(error)
                switch (failure, mode) {
                case (.table, .together), (.schema, .together): mode = .isolated
                case (.passes, _) where attempt < ReplicationLimits.applyAttempts:
                    logger.debug("could not apply events, trying again", metadata: ["error": "\(error)"])
                    attempt += 1
                    try await EventLoop.current.sleep(for: .milliseconds(50 << attempt))
                default: throw error
                }
            }
        }
    }

    private func write(
        _ decoded: DecodedEvents, _ mode: Mode, on connection: PostgresConnection
    ) async throws -> RowMerger.Counts {
        try await connection.script(ChangeStore.settings)
        try await fence(connection)
        var sum = RowMerger.Counts()
        let tables = decoder.targets.map(\.table)
        let mergers = decoded.changes.keys.sorted().map { place in
            var merger = RowMerger(tables[place], siblings: tables, applyDiff: applyDiff)
            merger.checksDeferred = mode == .isolated
            return (place, merger)
        }
        // Before any row is locked: the wait for a merge of another table must not block the application.
        if mergers.count > 1 { for (_, merger) in mergers { try await merger.begin(on: connection) } }
        for (place, merger) in mergers {
            let (table, changes) = (tables[place], decoded.changes[place] ?? [])
            let counts = try await isolating(table, mode, on: connection) { connection in
                try await merger.merge(changes, from: .events, on: connection)
            }
            if let counts {
                sum.add(counts)
            } else {
                try await RereadStore().add(
                    changes.map(\.sfid), of: table.mapping, because: .refused,
                    after: ReplicationLimits.refusedPause, on: connection)
                sum.reread += changes.count
            }
        }
        try await writeRequests(decoded, mode, on: connection)
        try await writeEvents(decoded, on: connection)
        let uncovered = uncovered()
        if !uncovered.isEmpty { try await ChangeStore().forgetPolls(of: uncovered, on: connection) }
        try await ChangeStore().advance(decoded.positions, of: organization, on: connection)
        return sum
    }

    /// Stores platform events. Those from before the subscription are ignored, and so are those of a channel
    /// whose subscription has ended meanwhile.
    private func writeEvents(_ decoded: DecodedEvents, on connection: PostgresConnection) async throws {
        let wanted = decoded.events.filter { event in
            guard let subscription = subscriptions[event.channel] else { return false }
            guard let since = subscription.since, let createdAt = event.createdAt else { return true }
            return createdAt >= since
        }
        _ = try await PlatformEventStore(schema: schema).record(wanted, of: organization, on: connection)
    }

    /// Stores what must be read again.
    private func writeRequests(
        _ decoded: DecodedEvents, _ mode: Mode, on connection: PostgresConnection
    ) async throws {
        let rereads = decoded.rereads.sorted {
            ($0.key.table, $0.key.reason.rawValue) < ($1.key.table, $1.key.reason.rawValue)
        }
        for (key, ids) in rereads {
            // The event of such a record is applied, so an earlier read could be older.
            let pause = key.reason == .personName ? ReplicationLimits.readMargin + .seconds(1) : .zero
            try await RereadStore().add(
                ids, of: decoder.targets[key.table].table.mapping, because: key.reason, after: pause,
                on: connection)
        }
        for (place, reason) in decoded.reloads.sorted(by: { $0.key < $1.key }) {
            try await ChangeStore().requestReload(
                decoder.targets[place].table.mapping.id, because: reason, on: connection)
        }
        guard !decoded.removed.isEmpty else { return }
        let parents = decoded.removed.values.flatMap(\.self).sorted()
        for target in decoder.targets {
            let children = try await isolating(target.table, mode, on: connection) { connection in
                try await ChangeStore().children(
                    of: parents, in: target.table, target.layout.lookups, on: connection)
            }
            try await RereadStore().add(
                children ?? [], of: target.table.mapping, because: .relatedRecord,
                after: ReplicationLimits.relatedPause, on: connection)
        }
    }

    /// Nil if the table refuses `body` and the transaction continues without it.
    private func isolating<Value>(
        _ table: SyncedTable, _ mode: Mode, on connection: PostgresConnection,
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value? {
        guard mode == .isolated else { return try await body(connection) }
        do {
            return try await connection.transaction(body)
        } catch  where [.table, .schema].contains(ChangeFailure(error)) {
            logger.warning(
                "table refused changes, reading them again later",
                metadata: ["object": "\(table.plan.objectName)", "error": "\(error)"])
            return nil
        }
    }

    private func note(_ decoded: DecodedEvents) {
        tallies.countEvents(decoded.counts.values.reduce(0, +))
        if decoded.undecodable > 0 { tallies.countEvents(decoded.undecodable, "undecodable") }
        if !decoded.reloads.isEmpty { tallies.countEvents(decoded.reloads.count, "overflow") }
        if let oldest = decoded.oldestCommit {
            tallies.countLag(.seconds(max(0, Date().timeIntervalSince(oldest))))
        }
    }
}

extension RowMerger.Counts {
    mutating func add(_ other: RowMerger.Counts) {
        written += other.written
        deleted += other.deleted
        unchanged += other.unchanged
        reread += other.reread
        refused += other.refused
        held += other.held
        lacksColumns = lacksColumns || other.lacksColumns
    }
}

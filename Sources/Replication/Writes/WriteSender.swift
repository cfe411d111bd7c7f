internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import Salesforce
internal import TenantSchema

/// Sends batches of a tenant's changes to its org, and stores the results.
struct WriteSender: Sendable {
    /// A batch that was sent, with the end of each of its entries.
    struct Sent: Sendable {
        var batch: WriteBatch
        var ends: [Int: WriteEnd]
        /// Attempts whose outcome is unknown.
        var doubtful: [WriteAttempt] = []
        /// Why the whole request was refused. Nil if Salesforce answered about each row.
        var refusal: RequestVerdict?
        /// True if the table changed meanwhile: nothing was sent.
        var isOutdated = false
    }

    let context: WriteContext
    let tables: [String: SyncedTable]
    let settings: ConnectionSettings
    let layouts: WriteLayouts

    var log: LogStore { LogStore(schema: context.tenant.schema, tables: Array(tables.values)) }

    /// Sends a batch. The work ends even if the task is cancelled meanwhile, because a request that is given
    /// up leaves its rows in doubt.
    ///
    /// - Parameters:
    ///   - tries: earlier tries of each entry.
    ///   - failures: refusals of whole requests of the table in a row.
    func send(_ batch: WriteBatch, tries: [Int: Int], failures: Int) async throws -> Sent {
        guard let table = tables[batch.table] else {
            // Its mapping was removed or paused: the entries stay NEW, and are not read until it is back.
            return Sent(
                batch: batch, ends: ends(of: batch, .retry(after: ReplicationLimits.idleLogPoll, nil)))
        }
        let layout: WriteLayout
        do {
            layout = try await layouts.layout(of: table)
        } catch let error where !(error is CancellationError) {
            let verdict = RequestVerdict(error, failures: failures + 1)
            return Sent(batch: batch, ends: ends(of: batch, Self.pause(verdict)), refusal: verdict)
        }
        guard try await isCurrent(table, for: batch, layout) else {
            return Sent(batch: batch, ends: ends(of: batch, .retry(after: .zero, nil)), isOutdated: true)
        }
        let stopping = Event()
        return try await withTaskCancellationHandler {
            try await withCancellationShield(on: EventLoop.current) {
                var sent = Sent(batch: batch, ends: [:])
                for part in await Self.parts(of: batch, layout) {
                    let result = try await send(part, table, layout, (tries, failures), stopping)
                    sent.ends.merge(result.ends) { $1 }
                    sent.doubtful += result.doubtful
                    sent.refusal = sent.refusal ?? result.refusal
                }
                return sent
            }
        } onCancel: {
            stopping.set()
        }
    }

    /// False if a batch has values that the layout does not send, and the table has changed since: a column
    /// may have been mapped a moment ago, and its changes must not end as ones with nothing to send.
    private func isCurrent(
        _ table: SyncedTable, for batch: WriteBatch, _ layout: WriteLayout
    ) async throws -> Bool {
        guard batch.items.contains(where: { layout.leavesOut($0.entry) }) else { return true }
        let stored = try await SyncedTableCatalog(context.services.replication).table(
            of: table.mapping.id, context.tenant)
        return stored?.hasForm(of: table) ?? true
    }

    /// A Bulk job, and requests with the rows that its file cannot express.
    private static func parts(of batch: WriteBatch, _ layout: WriteLayout) async -> [WriteBatch] {
        guard batch.method == .bulk else { return [batch] }
        var unfit: [WriteBatch.Item] = []
        for (place, item) in batch.items.enumerated() {
            if place % ReplicationLimits.preparedInRow == 0 { await Task.yield() }
            if (try? layout.record(item, batch.action))?.fitsBulk == false { unfit.append(item) }
        }
        guard !unfit.isEmpty else { return [batch] }
        let ids = Set(unfit.map(\.entry.id))
        var rest = batch
        rest.items.removeAll { ids.contains($0.entry.id) }
        let rows = ReplicationLimits.writeRowsPerCall
        return [rest]
            + stride(from: 0, to: unfit.count, by: rows).map { start in
                WriteBatch(
                    table: batch.table, action: batch.action,
                    items: Array(unfit[start..<min(start + rows, unfit.count)]))
            }
    }

    private func send(
        _ batch: WriteBatch, _ table: SyncedTable, _ layout: WriteLayout,
        _ history: (tries: [Int: Int], failures: Int), _ stopping: Event
    ) async throws -> Sent {
        var sent = Sent(batch: batch, ends: [:])
        var prepared = await prepare(batch, layout, &sent.ends)
        let refused = items(of: batch, with: sent.ends)
        if prepared.isEmpty {
            try await record(refused, of: nil, table, batch.action)
            count(sent)
            return sent
        }
        let latestStart = ContinuousClock.now + settings.longestStart
        let (attempt, claimed) = try await begin(prepared, refused, batch, table)
        for item in batch.items where sent.ends[item.entry.id] == nil && !claimed.contains(item.entry.id) {
            // Somebody else changed the entry's state.
            sent.ends[item.entry.id] = .ignored
        }
        prepared.removeAll { !claimed.contains($0.entryID) }
        guard !prepared.isEmpty else { return sent }
        do {
            let ends = try await perform(
                prepared, batch, layout, (attempt, latestStart), history.tries, stopping)
            context.services.tallies.countCall("answered")
            let unlinked = try await record(items(of: batch, with: ends), of: attempt, table, batch.action)
            sent.ends.merge(ends) { $1 }
            if !unlinked.isEmpty { try await keepOpen(attempt, unlinked, &sent) }
        } catch let error as UnsentRequest {
            try await refuse(error.error, prepared, (attempt, table), history.failures, &sent)
        } catch let error where error is SalesforceError || error is CancellationError {
            context.services.tallies.countCall("doubtful")
            context.logger.warning(
                "no answer to a write, its outcome is looked up later",
                metadata: ["object": "\(layout.object)", "rows": "\(prepared.count)", "error": "\(error)"])
            try await context.fenced { try await log.doubt(attempt, error: "\(error)", on: $0) }
            for record in prepared { sent.ends[record.entryID] = .doubtful }
            sent.doubtful.append(attempt)
        }
        count(sent)
        return sent
    }

    /// Keeps an attempt open whose new rows the database refused to give their records. They are recorded
    /// again from time to time; their later changes wait.
    private func keepOpen(_ attempt: WriteAttempt, _ unlinked: [Int: String], _ sent: inout Sent) async throws
    {
        let reason = unlinked.values.min() ?? ""
        try await context.fenced {
            try await log.doubt(attempt, error: "the rows could not be written: \(reason)", on: $0)
        }
        let ids = Set(
            sent.batch.items.filter { unlinked[$0.entry.id] != nil }.flatMap { $0.merged + [$0.entry.id] })
        let rows = zip(attempt.logIDs, attempt.recordIDs).filter { ids.contains($0.0) }
        var open = attempt
        (open.logIDs, open.recordIDs) = (rows.map(\.0), rows.map(\.1))
        for id in unlinked.keys { sent.ends[id] = .doubtful }
        sent.doubtful.append(open)
        await noteUnlinked(unlinked, sent.batch.table)
    }

    /// Tells operators of new rows that the database refuses to write.
    func noteUnlinked(_ unlinked: [Int: String], _ table: String) async {
        guard let reason = unlinked.values.min() else { return }
        let rows = unlinked.count == 1 ? "1 new row" : "\(unlinked.count) new rows"
        await context.notify(
            WriteNotification.unlinked,
            "\(table): Salesforce has \(rows), but the database refuses to store the record ids: \(reason). "
                + "Correct the trigger or constraint of the table; it is tried again by itself, and later "
                + "changes of these rows wait. See: multiconnect writes list \(context.tenant.orgID)")
    }

    /// The rows that can be sent. The others have their ends in `ends`.
    private func prepare(
        _ batch: WriteBatch, _ layout: WriteLayout, _ ends: inout [Int: WriteEnd]
    ) async -> [PreparedRecord] {
        var prepared: [PreparedRecord] = []
        prepared.reserveCapacity(batch.items.count)
        for (place, item) in batch.items.enumerated() {
            // Other tenants' tasks run on this loop.
            if place % ReplicationLimits.preparedInRow == 0 { await Task.yield() }
            do throws(WriteProblem) {
                let record = try layout.record(item, batch.action)
                if record.isEmpty, let problem = record.pauseProblem {
                    // The change would be lost: it is sent when a person retries it.
                    ends[item.entry.id] = .failed(problem)
                } else if record.isEmpty {
                    ends[item.entry.id] =
                        record.leftOut.isEmpty
                        ? .ignored : .written(sfid: item.entry.sfid, leftOut: record.leftOut)
                } else {
                    prepared.append(record)
                }
            } catch {
                ends[item.entry.id] = .failed(error)
            }
        }
        return prepared
    }

    private func begin(
        _ prepared: [PreparedRecord], _ refused: [LogStore.ItemEnd],
        _ batch: WriteBatch, _ table: SyncedTable
    ) async throws -> (WriteAttempt, claimed: Set<Int>) {
        let now = Date()
        let sent = Set(prepared.map(\.entryID))
        // Entries that were merged into another one of their row are PENDING with it.
        let ids = batch.items.filter { sent.contains($0.entry.id) }.flatMap { item in
            (item.merged + [item.entry.id]).map { (log: $0, record: item.entry.recordID) }
        }
        let attempt = WriteAttempt(
            organizationID: context.tenant.id, mappingID: table.mapping.id, action: batch.action,
            method: batch.method, logIDs: ids.map(\.log), recordIDs: ids.map(\.record), sentAt: now,
            settleAt: now)
        let quarantine = Duration.seconds(settings.quarantineSeconds)
        return try await context.fenced { connection in
            if !refused.isEmpty {
                _ = try await log.record(
                    refused, of: nil, table: table, action: batch.action, on: connection)
            }
            return try await log.begin(
                attempt, quarantine: quarantine, on: connection)
        }
    }

    private func perform(
        _ prepared: [PreparedRecord], _ batch: WriteBatch, _ layout: WriteLayout,
        _ begun: (attempt: WriteAttempt, latestStart: ContinuousClock.Instant),
        _ tries: [Int: Int], _ stopping: Event
    ) async throws -> [Int: WriteEnd] {
        try await withThrowingTaskGroup(of: [Int: WriteEnd]?.self) { group in
            group.addTask {
                switch batch.method {
                case .collection: try await self.collect(prepared, batch, layout, begun, tries)
                case .bulk:
                    try await BulkWriter(sender: self, layout: layout, attempt: begun.attempt)
                        .write(prepared, batch, tries)
                }
            }
            group.addTask {
                try await stopping.wait()
                try await EventLoop.current.sleep(for: ReplicationLimits.writeStopWait)
                return nil
            }
            defer { group.cancelAll() }
            guard let ends = try await group.next().flatMap(\.self) else { throw CancellationError() }
            return ends
        }
    }

    private func collect(
        _ prepared: [PreparedRecord], _ batch: WriteBatch, _ layout: WriteLayout,
        _ begun: (attempt: WriteAttempt, latestStart: ContinuousClock.Instant), _ tries: [Int: Int]
    ) async throws -> [Int: WriteEnd] {
        let results = try await UnsentRequest.marking {
            var write = RecordWrite(
                object: layout.object, action: try layout.action(batch.action),
                options: options(begun.attempt, layout))
            if batch.action == .delete {
                write.ids = prepared.compactMap(\.sfid)
            } else {
                write.records = prepared.map(\.json)
            }
            return try await context.rest(layout.object).write(
                write, deadline: ReplicationLimits.writeDeadline, latestStart: begun.latestStart)
        }
        var ends: [Int: WriteEnd] = [:]
        for (record, result) in zip(prepared, results) {
            ends[record.entryID] = RowVerdict.end(
                of: result, batch.action, sfid: record.sfid, leftOut: record.leftOut,
                tries: (tries[record.entryID] ?? 0) + 1)
        }
        return ends
    }

    func options(_ attempt: WriteAttempt, _ layout: WriteLayout) -> WriteOptions {
        WriteOptions(
            tag: WriteAttempt.tag(attempt.id), usesAssignmentRules: settings.usesAssignmentRules,
            savesDuplicates: layout.savesDuplicates)
    }

    /// The whole request was refused, and nothing was carried out.
    private func refuse(
        _ error: any Error, _ prepared: [PreparedRecord],
        _ attempt: (WriteAttempt, SyncedTable), _ failures: Int, _ sent: inout Sent
    ) async throws {
        context.services.tallies.countCall("refused")
        let verdict = RequestVerdict(error, failures: failures + 1)
        sent.refusal = verdict
        context.logger.notice(
            "write refused",
            metadata: ["object": "\(sent.batch.table)", "rows": "\(prepared.count)", "error": "\(error)"])
        if case .describe = verdict { layouts.forget(attempt.1) }
        if case .split(let problem) = verdict, prepared.count == 1 {
            let end = WriteEnd.failed(problem)
            try await record(
                items(of: sent.batch, with: [prepared[0].entryID: end]), of: attempt.0, attempt.1,
                sent.batch.action)
            sent.ends[prepared[0].entryID] = end
            return
        }
        try await context.fenced { try await log.release(attempt.0, on: $0) }
        for record in prepared { sent.ends[record.entryID] = Self.pause(verdict) }
    }

    private static func pause(_ verdict: RequestVerdict) -> WriteEnd {
        switch verdict {
        case .retry(let pause): .retry(after: pause, nil)
        case .describe, .split: .retry(after: .zero, nil)
        }
    }

    private func ends(of batch: WriteBatch, _ end: WriteEnd) -> [Int: WriteEnd] {
        Dictionary(batch.items.map { ($0.entry.id, end) }, uniquingKeysWith: { first, _ in first })
    }

    private func items(
        of batch: WriteBatch, with ends: [Int: WriteEnd]
    ) -> [LogStore.ItemEnd] {
        batch.items.compactMap { item in ends[item.entry.id].map { (item, $0) } }
    }

    private func count(_ sent: Sent) {
        let now = Date()
        for item in sent.batch.items {
            guard let end = sent.ends[item.entry.id] else { continue }
            context.services.tallies.count(
                end, lag: .seconds(max(0, now.timeIntervalSince(item.entry.createdAt))),
                of: context.tenant.id)
        }
    }

    /// Stores results until all are stored. Rows that another session has locked are tried again. Throws
    /// `.leaseLost`. Returns entries of new rows that the database refused to write, with its reason.
    ///
    /// - Parameter isLookedUp: true if a look-up found the records. They are read again, because a deletion
    ///   that arrived before found no row.
    @discardableResult
    func record(
        _ ends: [LogStore.ItemEnd], of attempt: WriteAttempt?, _ table: SyncedTable,
        _ action: WriteAttempt.Action, isLookedUp: Bool = false
    ) async throws -> [Int: String] {
        var left = ends
        var unlinked: [Int: String] = [:]
        var backoff = Backoff(
            initial: ReplicationLimits.recordPause, maximum: ReplicationLimits.longestRecordPause)
        while !left.isEmpty {
            do {
                let recorded = try await context.fenced { [left] connection in
                    let recorded = try await log.record(
                        left, of: attempt, table: table, action: action, on: connection)
                    if isLookedUp, action != .delete {
                        let found = left.filter { !recorded.open.contains($0.item.entry.id) }
                        try await RereadStore().add(
                            found.compactMap(\.end.sfid), of: table.mapping, because: .settled, on: connection
                        )
                    }
                    return recorded
                }
                left = left.filter { recorded.locked.contains($0.item.entry.id) }
                unlinked.merge(recorded.unlinked) { $1 }
                if left.isEmpty { break }
            } catch let error as PostgresError where error.isTransient || error.isConnectionLoss {
                context.logger.debug("could not store results of writes", metadata: ["error": "\(error)"])
            }
            try await EventLoop.current.sleep(for: backoff.next())
        }
        return unlinked
    }
}

extension WriteLayout {
    /// The action of a request. Throws `.invalidField` for an upsert without an upsert field.
    func action(_ action: WriteAttempt.Action) throws(SalesforceError) -> RecordWrite.Action {
        switch action {
        case .insert: return .insert
        case .update: return .update
        case .delete: return .delete
        case .upsert:
            guard let upsertField else {
                throw SalesforceError(.invalidField, message: "the upsert field cannot be written")
            }
            return .upsert(field: upsertField)
        }
    }
}

extension ConnectionSettings {
    /// From the start of an attempt to the latest start of its request: the rest of the quarantine is longer
    /// than a request can run.
    fileprivate var longestStart: Duration {
        min(SalesforceLimits.harmfulRepetitions, .seconds(quarantineSeconds) / 4)
    }
}

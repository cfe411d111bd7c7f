internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Looks up one attempt without an answer, and stores what became of its rows.
struct SettlementWork: Sendable {
    let attempt: WriteAttempt
    let entries: [LogEntry]
    /// Earlier look-ups of this session that began after the request could not run any more.
    let looks: Int

    /// Errors of the look-up decide nothing. Throws `.leaseLost`, and errors of the database.
    func run(_ sender: WriteSender) async throws -> WriteSettlement.Result {
        var result = WriteSettlement.Result(attempt: attempt.id)
        guard let table = sender.tables.values.first(where: { $0.mapping.id == attempt.mappingID }) else {
            // Paused or removed. It is looked up when it is back.
            result.hasFailed = true
            return result
        }
        let (items, records) = try await read(sender)
        var verdicts: [Int: SettlementRule.Verdict] = [:]
        for (id, sfid) in records { verdicts[id] = .written(sfid: sfid) }
        let unknown = items.filter { records[$0.entry.id] == nil }
        do {
            if !unknown.isEmpty { verdicts.merge(try await lookUp(unknown, table, sender)) { $1 } }
        } catch let error where error is SalesforceError || error is OrganizationsError {
            sender.context.logger.notice(
                "could not look up a write", metadata: ["object": "\(table.plan.table)", "error": "\(error)"])
            if Date() >= attempt.settleAt { await notify("\(error)", table, sender) }
            guard Self.isHopeless(error), Date() >= attempt.settleAt else {
                result.hasFailed = true
                return result
            }
            for item in unknown { verdicts[item.entry.id] = .undecided }
        }
        try await store(verdicts, of: items, table, sender, &result)
        return result
    }

    /// The rows as they were sent, and the records of those that Salesforce confirmed.
    private func read(_ sender: WriteSender) async throws -> ([WriteBatch.Item], records: [Int: String]) {
        let rows = Set(entries.map(\.recordID))
        // An entry that was merged from several has the id of the last one.
        let ids = zip(attempt.logIDs, attempt.recordIDs).filter { rows.contains($0.1) }.map(\.0)
        let (stored, records) = try await sender.context.cell.withCellConnection { connection in
            (
                try await sender.log.entries(ids, on: connection),
                [.insert, .upsert].contains(attempt.action)
                    ? try await sender.log.unlinked(ids, on: connection) : [:]
            )
        }
        return (Self.items(of: stored, attempt.action), records)
    }

    /// True if the same look-up fails again, whatever happens in the org: a person decides.
    private static func isHopeless(_ error: any Error) -> Bool {
        guard let error = error as? SalesforceError else { return false }
        return [.tooLarge, .malformedQuery, .malformedID].contains(error.code)
    }

    private func notify(_ reason: String, _ table: SyncedTable, _ sender: WriteSender) async {
        await sender.context.notify(
            InDoubtStore.event,
            "no answer came to \(attempt.logIDs.count) changes of \(table.plan.objectName), and the org "
                + "cannot be asked what became of them: \(reason). See: multiconnect writes list "
                + sender.context.tenant.orgID)
    }

    /// The rows as they were sent: in merged mode several entries of a row were one.
    static func items(of entries: [LogEntry], _ action: WriteAttempt.Action) -> [WriteBatch.Item] {
        var items: [Int: WriteBatch.Item] = [:]
        var order: [Int] = []
        for entry in entries.sorted(by: { $0.id < $1.id }) {
            guard let earlier = items[entry.recordID] else {
                items[entry.recordID] = WriteBatch.Item(entry)
                order.append(entry.recordID)
                continue
            }
            var merged = entry
            if earlier.entry.action == .insert, entry.action == .update { merged.action = .insert }
            merged.values = earlier.entry.values.merging(entry.values) { $1 }
            merged.old = earlier.entry.old
            items[entry.recordID] = WriteBatch.Item(merged, merged: earlier.merged + [earlier.entry.id])
        }
        return order.compactMap { items[$0] }
    }

    private func lookUp(
        _ items: [WriteBatch.Item], _ table: SyncedTable, _ sender: WriteSender
    ) async throws -> [Int: SettlementRule.Verdict] {
        let context = sender.context
        let layout = try await sender.layouts.layout(of: table)
        let rows = items.compactMap { item -> Settler.SentRow? in
            (try? layout.record(item, attempt.action)).map { (item.entry, $0) }
        }
        let since = attempt.sentAt - ReplicationLimits.clockMargin
        let users = try await context.services.replication.control.withConnection {
            try await CredentialStore(on: $0).users(of: context.tenant.id, since: since)
        }
        guard !users.isEmpty else {
            throw SalesforceError(.unauthorized, message: "the user of the grant is not known")
        }
        let check = ViewAllCheck(
            control: context.services.replication.control, organization: context.tenant.id)
        let settler = Settler(
            table, layout, rest: context.rest(table.plan.objectName), cell: context.cell, users: users,
            seesAll: { try await check.hasViewAll(context.rest("")) == true })
        return try await settler.settle(attempt, rows, looks: looks)
    }

    private func store(
        _ verdicts: [Int: SettlementRule.Verdict], of items: [WriteBatch.Item], _ table: SyncedTable,
        _ sender: WriteSender, _ result: inout WriteSettlement.Result
    ) async throws {
        var known: [LogStore.ItemEnd] = []
        var absent: [Int] = []
        for item in items {
            let ids = item.merged + [item.entry.id]
            switch verdicts[item.entry.id] {
            case .written(let sfid): known.append((item, .written(sfid: sfid, leftOut: [])))
            case .refused(let problem): known.append((item, .failed(problem)))
            case .absent:
                absent += ids
                for id in ids { result.ends[id] = .retry(after: .zero, nil) }
            case .undecided: result.undecided.formUnion(ids)
            case nil: break
            }
        }
        let unlinked = try await sender.record(known, of: attempt, table, attempt.action, isLookedUp: true)
        for (item, end) in known where unlinked[item.entry.id] == nil {
            for id in item.merged + [item.entry.id] { result.ends[id] = end }
        }
        result.isUnlinked = !unlinked.isEmpty
        await sender.noteUnlinked(unlinked, table.plan.table)
        if !absent.isEmpty {
            var part = attempt
            part.logIDs = absent
            try await sender.context.fenced { [part] in try await sender.log.release(part, on: $0) }
        }
        guard !result.undecided.isEmpty else { return }
        let undecided = result.undecided.sorted()
        try await sender.context.fenced {
            try await InDoubtStore().mark(undecided, of: attempt, in: table, on: $0)
        }
        await sender.context.notify(
            InDoubtStore.event,
            InDoubtStore.message(
                rows: undecided.count, object: table.plan.objectName, orgID: sender.context.tenant.orgID))
    }
}

internal import Encoding

/// Decides what the answers to a batch change in the table and in the log.
package struct ResultPlan: Sendable, Equatable {
    /// A locked row of the table.
    package struct CurrentRow: Sendable, Equatable {
        package var sfid: String?
        /// `_hc_lastop`.
        package var operation: String?

        package init(sfid: String?, operation: String?) {
            self.sfid = sfid
            self.operation = operation
        }
    }

    /// Another entry of the same row that is NEW, PENDING or IGNORE, or an update that is FAILED.
    package struct OtherEntry: Sendable, Equatable {
        package var id: Int
        package var recordID: Int
        package var action: LogEntry.Action
        package var state: LogState
        package var hasSfid: Bool

        package init(id: Int, recordID: Int, action: LogEntry.Action, state: LogState, hasSfid: Bool) {
            self.id = id
            self.recordID = recordID
            self.action = action
            self.state = state
            self.hasSfid = hasSfid
        }
    }

    /// New values of a row.
    package struct RowUpdate: Sendable, Equatable {
        package var id: Int
        /// Nil keeps the row's.
        package var sfid: String?
        package var operation: String
        /// `_hc_err`.
        package var error: String?
    }

    /// New values of an entry.
    package struct EntryUpdate: Sendable, Equatable {
        package var id: Int
        package var state: LogState
        package var message: String?
        /// Nil keeps the entry's.
        package var sfid: String?
    }

    /// A later entry that gets the `sfid` of its row. A deletion that was ignored becomes NEW.
    package struct Adoption: Sendable, Equatable {
        package var id: Int
        package var sfid: String
    }

    package private(set) var rows: [RowUpdate] = []
    package private(set) var entries: [EntryUpdate] = []
    package private(set) var adoptions: [Adoption] = []
    /// Records whose row has values that Salesforce did not take: of read-only fields, or of a refused change
    /// before this one. They are read again, so that the row shows the org's values. So are records that
    /// Salesforce has deleted: their event may be lost.
    package private(set) var notTaken: Set<String> = []

    private let action: WriteAttempt.Action
    private let current: [Int: CurrentRow]
    private let others: [Int: [OtherEntry]]

    /// - Parameters:
    ///   - rows: the locked rows by id. A row that is missing was deleted.
    ///   - others: entries of these rows that are not part of the batch.
    package init(
        _ action: WriteAttempt.Action, rows: [Int: CurrentRow], others: [OtherEntry]
    ) {
        self.action = action
        current = rows
        self.others = Dictionary(grouping: others, by: \.recordID)
    }

    package mutating func add(_ item: WriteBatch.Item, _ end: WriteEnd) {
        switch end {
        case .written(let sfid, let leftOut): addWritten(item, sfid, leftOut)
        case .failed(let problem): addFailed(item, problem)
        case .retry(_, let problem):
            addEntries(item, .new, .new, message: problem?.text)
        case .ignored:
            addEntries(item, .ignored, .ignored)
            guard let row = current[item.entry.recordID], row.sfid != nil, row.operation == "PENDING",
                !hasOpen(item), action != .delete
            else { return }
            rows.append(RowUpdate(id: item.entry.recordID, operation: "SYNCED"))
        case .doubtful: break
        }
    }

    /// Records that another row has the record, and could not be merged into this one.
    package mutating func addUnlinked(_ item: WriteBatch.Item, other: Int, sfid: String) {
        addEntries(item, .success, .merged, sfid: sfid)
        let problem = WriteProblem(
            "DUPLICATE_ROW",
            "Salesforce has this row as record \(sfid), which row \(other) has already (external ids may "
                + "differ in case): give this row another external id and capture it again, or delete it")
        rows.append(
            RowUpdate(id: item.entry.recordID, operation: "FAILED", error: problem.json))
    }

    private mutating func addWritten(_ item: WriteBatch.Item, _ sfid: String?, _ leftOut: [String]) {
        let record = sfid ?? item.entry.sfid
        // The rest of a partial item is sent with the same entries.
        addEntries(
            item, item.isPartial ? .new : .success, item.isPartial ? .new : .merged,
            message: leftOut.isEmpty
                ? nil
                : "not sent, because they are read-only or not synced: \(leftOut.joined(separator: ", "))",
            sfid: record)
        guard action != .delete else { return }
        let row = current[item.entry.recordID]
        let hasRefused = others[item.entry.recordID]?.contains { $0.state == .failed } ?? false
        if let record, !leftOut.isEmpty || hasRefused, !item.isPartial { notTaken.insert(record) }
        adopt(item, row?.sfid ?? record)
        guard let row else { return }
        let operation =
            if item.isPartial || hasOpen(item) {
                "PENDING"
            } else if row.sfid != nil, row.operation == "SYNCED" {
                // The event of the change came before the answer.
                "SYNCED"
            } else {
                row.sfid == nil ? "INSERTED" : "UPDATED"
            }
        // A row that waits for a later entry keeps its status.
        if row.sfid == nil && record != nil || row.operation != operation || operation != "PENDING" {
            rows.append(
                RowUpdate(
                    id: item.entry.recordID, sfid: row.sfid == nil ? record : nil, operation: operation))
        }
    }

    private mutating func addFailed(_ item: WriteBatch.Item, _ problem: WriteProblem) {
        // Also the merged ones: a retry of the last entry alone would lose their values.
        addEntries(item, .failed, .failed, message: problem.text)
        guard action != .delete, let row = current[item.entry.recordID] else { return }
        if problem.isDeletion, let record = row.sfid { notTaken.insert(record) }
        // While a record is not inserted, its other changes wait for a person: the row must show why.
        let blocksOthers = action != .update && row.sfid == nil
        let isOutdated =
            blocksOthers
            ? others[item.entry.recordID]?.contains { $0.isOpen && $0.action == .insert } ?? false
            : hasOpen(item)
        guard !isOutdated else { return }
        rows.append(
            RowUpdate(id: item.entry.recordID, operation: "FAILED", error: problem.json))
    }

    private mutating func addEntries(
        _ item: WriteBatch.Item, _ state: LogState, _ mergedState: LogState, message: String? = nil,
        sfid: String? = nil
    ) {
        for id in item.merged {
            entries.append(EntryUpdate(id: id, state: mergedState, message: message, sfid: sfid))
        }
        entries.append(EntryUpdate(id: item.entry.id, state: state, message: message, sfid: sfid))
    }

    /// Gives the record to entries that were captured before the row had it.
    private mutating func adopt(_ item: WriteBatch.Item, _ sfid: String?) {
        guard let sfid else { return }
        for other in others[item.entry.recordID] ?? [] where !other.hasSfid {
            guard other.isOpen && other.action != .insert || other.action == .delete else { continue }
            adoptions.append(Adoption(id: other.id, sfid: sfid))
        }
    }

    private func hasOpen(_ item: WriteBatch.Item) -> Bool {
        others[item.entry.recordID]?.contains(where: \.isOpen) ?? false
    }
}

extension ResultPlan.OtherEntry {
    /// True if it will be sent.
    var isOpen: Bool { state == .new || state == .pending }
}

extension WriteProblem {
    /// For `sf_message`: `CODE: message [Field__c]`.
    var text: String {
        let list = fields.isEmpty ? "" : " [\(fields.joined(separator: ", "))]"
        return "\(code): \(message)\(list)"
    }

    /// For `_hc_err`.
    var json: String {
        JSONText.object([
            ("code", .string(code)), ("message", .string(message)),
            ("fields", .array(fields.map(JSONText.string))),
        ]).text
    }
}

package import FoundationEssentials

/// Applies the changes of one record in their order, and sums up what to write: the result is as if each
/// change had been written by itself.
package struct ChangeFold: Sendable, Equatable {
    /// What to write, relative to the row before the first change.
    package enum Write: Sendable, Equatable {
        case nothing
        case insert([String: String?])
        case update([String: String?])
        case delete
    }

    /// The record after the changes so far.
    package private(set) var record: MergeRule.Record
    package private(set) var write = Write.nothing
    /// Why the record is read again, if it is.
    package private(set) var reread: RereadReason?
    /// The cells of a read that may be older than the row, or of a change that may be newer than a local
    /// value. If they differ from the row, the record is read again.
    package private(set) var conflict: [String: String?]?
    /// What to remember in `recent_changes`. Nil if no change was applied.
    package private(set) var applied: RecentChange?
    /// True if a column kept its local value.
    package private(set) var keepsLocal = false
    /// The events to keep until the outcome of an insert is known.
    package private(set) var held: [RecordChange] = []

    private let existed: Bool
    /// The cells that were written before the row was deleted.
    private var beforeDeletion: [String: String?] = [:]
    /// The row's texts that differences refer to, by column.
    private let texts: [String: String]

    package init(_ record: MergeRule.Record, texts: [String: String] = [:]) {
        self.record = record
        self.texts = texts
        existed = record.exists
    }

    /// Applies the next change.
    ///
    /// - Parameter now: the cell's clock.
    package mutating func add(
        _ change: RecordChange, from source: ChangeSource, _ rule: MergeRule, now: Date,
        applyDiff: (String, String) -> String?
    ) {
        var change = change
        if record.exists, !change.textDiffs.isEmpty {
            resolveDiffs(of: &change, from: source, rule, applyDiff)
        }
        let protects =
            record.exists && !rule.protectedColumns(change, from: source, on: record).isEmpty
        switch rule.decide(change, from: source, on: record) {
        case .skip: return
        case .reread(let reason):
            reread = reason
            keepsLocal = keepsLocal || protects
            return
        case .conflict(let cells):
            conflict = cells
            // This read may be the one that an earlier change of these columns has requested.
            noteOpenOrder(change, from: source, rule)
            keepsLocal = keepsLocal || protects
            return
        case .hold:
            held.append(change)
            // The record's next events wait too, so that they are applied in order.
            record.isHeld = true
            return
        case .insert(let cells):
            // A record that comes back keeps its row and the columns that the change does not carry.
            write = existed ? .update(beforeDeletion.merging(cells) { $1 }) : .insert(cells)
            record.exists = true
        case .update(let cells):
            overlay(cells)
            if protects { noteOpenOrder(change, from: source, rule) }
            // The event of the last sent change ends what an earlier change of the same fold has kept.
            keepsLocal = protects
        case .delete:
            if case .update(let cells) = write { beforeDeletion = cells }
            write = existed ? .delete : .nothing
            record.exists = false
            // Its row is gone, and so are the reasons to keep local values of its columns.
            record.local.removeAll { !$0.isDeletion }
            keepsLocal = false
            conflict = nil
        case .nothing: break
        }
        note(change, from: source, now)
    }

    private mutating func note(_ change: RecordChange, from source: ChangeSource, _ now: Date) {
        // Later events are newer than the changes that this attempt sent.
        if source == .events, let attempt = change.attempt {
            record.local.removeAll { $0.attempts.contains(attempt) }
        }
        // A partial read says nothing about the other columns.
        if case .read = source, change.kind == .patch { return }
        let recent = RecentChange(
            stamp: change.stamp, isDeletion: change.kind == .delete, appliedAt: now)
        record.stamp = change.stamp
        applied = recent
        if source == .events { record.recent = recent }
    }

    private mutating func noteOpenOrder(
        _ change: RecordChange, from source: ChangeSource, _ rule: MergeRule
    ) {
        let cells = rule.cellsInOpenOrder(change, from: source, on: record)
        if !cells.isEmpty { conflict = (conflict ?? [:]).merging(cells) { $1 } }
    }

    private mutating func overlay(_ cells: [String: String?]) {
        switch write {
        case .nothing, .delete: write = .update(cells)
        case .update(let earlier): write = .update(earlier.merging(cells) { $1 })
        case .insert(let earlier): write = .insert(earlier.merging(cells) { $1 })
        }
    }

    private mutating func resolveDiffs(
        of change: inout RecordChange, from source: ChangeSource, _ rule: MergeRule,
        _ applyDiff: (String, String) -> String?
    ) {
        let kept = rule.protectedColumns(change, from: source, on: record)
        guard rule.decide(change, from: source, on: record) != .skip else { return }
        for (column, difference) in change.textDiffs where !kept.contains(column) {
            if let old = text(column), let new = applyDiff(old, difference) {
                change.cells[column] = .some(new)
            } else {
                reread = .textDiff
            }
        }
    }

    /// The text that a column has after the changes so far.
    private func text(_ column: String) -> String? {
        switch write {
        case .nothing, .delete: texts[column]
        case .update(let cells): cells[column] ?? texts[column]
        case .insert(let cells): cells[column] ?? nil
        }
    }
}

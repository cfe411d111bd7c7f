package import FoundationEssentials
internal import Salesforce

/// Decides what a change from Salesforce does to a row.
///
/// SystemModstamp S and commit timestamp C of the versions of one record are ordered S1 <= C1 <= S2 <= C2. So
/// an event with a commit timestamp before the row's stamp is older than the row. A read may have begun
/// before a change that is applied already, so it is compared with the record's entry in `recent_changes`.
package struct MergeRule: Sendable, Equatable {
    /// The facts about a record that the decision depends on.
    package struct Record: Sendable, Equatable {
        /// True if the table has a row of the record.
        package var exists: Bool
        /// `systemmodstamp` of the row.
        package var stamp: Date?
        /// The last applied change, if it is remembered.
        package var recent: RecentChange?
        /// The users' changes of the row, or the deletions of a missing row.
        package var local: [LocalChange]
        /// Inserts and upserts of the table whose outcome is open.
        package var openInserts: [OpenInsert]
        /// True if earlier events of the record wait for the outcome of such an insert.
        package var isHeld: Bool

        package init(
            exists: Bool, stamp: Date? = nil, recent: RecentChange? = nil, local: [LocalChange] = [],
            openInserts: [OpenInsert] = [], isHeld: Bool = false
        ) {
            self.openInserts = openInserts
            self.isHeld = isHeld
            self.exists = exists
            self.stamp = stamp
            self.recent = recent
            self.local = local
        }
    }

    /// What a change does to a row.
    package enum Decision: Sendable, Equatable {
        /// Insert a row.
        case insert([String: String?])
        /// Write these columns. The others stay.
        case update([String: String?])
        case delete
        /// The change is applied without a write: the row is gone, or a local deletion keeps it away.
        case nothing
        /// The change is older than the row.
        case skip
        /// The read may be older than the row: read the record again unless the read equals the row.
        case conflict([String: String?])
        /// Read the record again.
        case reread(RereadReason)
        /// Keep the event until the outcome of an insert is known.
        case hold
    }

    /// The column of SystemModstamp. Nil if the table has none.
    package var stampColumn: String?
    /// How much later than a change a read must begin to be newer than it.
    package var margin: Duration

    package init(stampColumn: String? = "systemmodstamp", margin: Duration = ReplicationLimits.readMargin) {
        self.stampColumn = stampColumn
        self.margin = margin
    }

    package func decide(_ change: RecordChange, from source: ChangeSource, on record: Record) -> Decision {
        switch source {
        case .events:
            if let stamp = record.exists ? record.stamp : nil, Self.isOlder(change.stamp, than: stamp) {
                return .skip
            }
            if let recent = record.recent, Self.isOlder(change.stamp, than: recent.stamp) { return .skip }
        case .read(let startedAt):
            if let recent = record.recent, !Self.isOlder(recent.stamp, than: change.stamp),
                recent.appliedAt.addingTimeInterval(margin.timeInterval) >= startedAt
            {
                return conflict(change, from: source, on: record)
            }
        }
        return apply(change, from: source, on: record)
    }

    /// Stamps have whole milliseconds. A stored stamp may differ from the event's by a rounding error, and
    /// the events of one transaction have equal stamps: the later one must not be skipped.
    private static func isOlder(_ one: Date, than other: Date) -> Bool {
        other.timeIntervalSince(one) > 0.000_5
    }

    private func apply(
        _ change: RecordChange, from source: ChangeSource, on record: Record
    ) -> Decision {
        if let decision = wait(for: change, from: source, on: record) { return decision }
        if change.kind == .delete { return record.exists ? .delete : .nothing }
        if record.exists { return .update(columns(of: change, from: source, on: record)) }
        if record.local.contains(where: { $0.isDeletion && $0.outlives(change, from: source) }) {
            return .nothing
        }
        guard change.kind == .upsert else { return .reread(.missingRow) }
        return .insert(columns(of: change, from: source, on: record))
    }

    /// The decision on a change of a record that an open insert may have created, and whose row therefore
    /// has no `sfid` yet. Nil for other changes.
    private func wait(
        for change: RecordChange, from source: ChangeSource, on record: Record
    ) -> Decision? {
        guard !record.exists else { return nil }
        switch source {
        case .events:
            if record.isHeld { return .hold }
            if change.isUndelete {
                let mayBeOwn = record.openInserts.contains { $0.mayHave(change.creation) }
                return mayBeOwn ? .reread(.ownInsert) : nil
            }
            guard change.kind == .upsert, let attempt = change.attempt else { return nil }
            if record.openInserts.contains(where: { $0.id == attempt }) { return .hold }
            // The request was sent in the time that a restore has undone, so its attempt is not known.
            let creation = RecordChange.Creation(isOwn: true, at: change.stamp)
            let mayBeOwn = record.openInserts.contains { $0.isRestored && $0.mayHave(creation) }
            return mayBeOwn ? .reread(.ownInsert) : nil
        case .read:
            guard change.kind == .upsert else { return nil }
            let mayBeOwn = record.isHeld || record.openInserts.contains { $0.mayHave(change.creation) }
            return mayBeOwn ? .reread(.ownInsert) : nil
        }
    }

    private func conflict(
        _ change: RecordChange, from source: ChangeSource, on record: Record
    ) -> Decision {
        guard record.exists else { return change.kind == .delete ? .skip : .reread(.conflict) }
        guard change.kind != .delete else { return .reread(.conflict) }
        var cells = columns(of: change, from: source, on: record)
        // After an event the column has the commit timestamp. That alone is no difference.
        if let stampColumn { cells[stampColumn] = nil }
        return .conflict(cells)
    }

    /// The cells to write: without columns whose local value stays.
    private func columns(
        of change: RecordChange, from source: ChangeSource, on record: Record
    ) -> [String: String?] {
        var cells = change.cells
        for column in protectedColumns(change, from: source, on: record) { cells[column] = nil }
        guard let stampColumn else { return cells }
        switch (source, change.kind) {
        case (.events, _): cells[stampColumn] = .some(Self.text(change.stamp))
        // Columns that were not read may be older than the stamp.
        case (.read, .patch): cells[stampColumn] = nil
        case (.read, _): break
        }
        return cells
    }

    /// The columns of a row whose local value stays.
    package func protectedColumns(
        _ change: RecordChange, from source: ChangeSource, on record: Record
    ) -> Set<String> {
        record.local.reduce(into: []) { columns, local in
            if local.outlives(change, from: source) { columns.formUnion(local.columns) }
        }
    }

    /// The cells that do not replace the local value, although the org may have got them after it: the answer
    /// to a write comes later than the write. If they differ from the row, the record must be read again.
    package func cellsInOpenOrder(
        _ change: RecordChange, from source: ChangeSource, on record: Record
    ) -> [String: String?] {
        // Our own writes of one record are sent in their order.
        if source == .events, change.attempt != nil { return [:] }
        var open: Set<String> = []
        var settled: Set<String> = []
        for local in record.local where local.outlives(change, from: source) {
            if local.isInOpenOrder {
                open.formUnion(local.columns)
            } else {
                settled.formUnion(local.columns)
            }
        }
        open.subtract(settled)
        return open.isEmpty ? [:] : change.cells.filter { open.contains($0.key) }
    }

    /// The moment of a cell with SystemModstamp. Nil for other text.
    static func date(_ text: String) -> Date? { Timestamp.date(text) }

    /// The stamp in the input format of `timestamp`, in UTC.
    static func text(_ date: Date) -> String { Timestamp.text(date) }
}

extension Duration {
    /// In seconds.
    var timeInterval: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

import Encoding

/// Commits changes of records, with the stamps and events of an org.
extension Org {
    /// Commits one transaction. The writes are valid.
    /// - Returns: the rows, in the order of the writes.
    @discardableResult
    mutating func commit(_ writes: [RowWrite], _ commit: Commit, _ settings: Assumptions) -> [Int] {
        var drafts: [EventDraft] = []
        var rows: [Int] = []
        rows.reserveCapacity(writes.count)
        let stamp = settings.stampsAreWholeSeconds ? commit.stamp / 1000 * 1000 : commit.stamp
        for (index, write) in writes.enumerated() {
            guard let row = apply(write, commit, stamp, index + 1, settings, &drafts) else {
                rows.append(-1)
                continue
            }
            rows.append(row)
        }
        publish(drafts, commit)
        return rows
    }

    /// Applies a write, and adds its event to `drafts`.
    /// - Returns: the row. Nil if there is no such object or row.
    private mutating func apply(
        _ write: RowWrite, _ commit: Commit, _ stamp: Int, _ sequence: Int, _ settings: Assumptions,
        _ drafts: inout [EventDraft]
    ) -> Int? {
        guard let rowCount = tables[write.object]?.rowCount else { return nil }
        let row = write.row ?? rowCount
        guard write.kind == .create || row < rowCount, let before = tables[write.object] else { return nil }
        // A late transaction may find that the row changed meanwhile.
        guard write.kind == .create || Self.isPossible(write.kind, row, before) else { return nil }
        var touched: Set<Int> = []
        if write.kind == .create {
            let values = initialValues(write.values, before, commit, stamp)
            tables[write.object]?.add(values)
        } else if write.kind == .hardDelete {
            adjustRollUps(write.object, row, by: before.isDeleted(row) ? 0 : -1)
            tables[write.object]?.purge(row)
        } else {
            adjustRollUps(write.object, row, by: before.isDeleted(row) ? 0 : -1)
            let values = changedValues(write, row, before, commit, stamp)
            touched = Set(values.keys)
            tables[write.object]?.change(row, values)
        }
        guard let after = tables[write.object] else { return nil }
        if write.kind != .hardDelete, !after.isDeleted(row) { adjustRollUps(write.object, row, by: 1) }
        reindex(write, row, before, after)
        record(after, row, write.kind, commit)
        writeLog.add(write, after.id(row), commit)
        if write.isAnnounced {
            if selectedEntities.contains(after.schema.name) || isOnChannel(after.schema.name) {
                add(write, (row, touched), before, after, sequence, settings, &drafts)
            }
            notifyPushTopics(write.kind, row, before, after, commit)
        }
        return row
    }

    private static func isPossible(_ kind: RowWrite.Kind, _ row: Int, _ table: Table) -> Bool {
        switch kind {
        case .create: true
        case .update, .delete: !table.isDeleted(row)
        case .undelete: table.isDeleted(row) && !table.isPurged(row)
        case .hardDelete: !table.isPurged(row)
        }
    }

    func isOnChannel(_ object: String) -> Bool { channels.values.contains { $0.contains(object) } }

    private func initialValues(
        _ values: [Int: FieldValue], _ table: Table, _ commit: Commit, _ stamp: Int
    ) -> [FieldValue] {
        let layout = table.schema.layout
        var row = layout.initial
        for place in layout.creationStamps { row[place] = .instant(stamp) }
        for place in layout.creationUsers { row[place] = .id(commit.user) }
        if let place = layout.autoNumber { row[place] = table.example(place, number: table.rowCount) }
        for (place, value) in values { row[place] = value }
        for place in layout.rollUps { row[place] = .number(0) }
        row[0] = .id(table.nextID)
        if let (place, name) = Self.fullName(layout, { row[$0] }) { row[place] = name }
        return row
    }

    /// The new values of a write, with those that the org sets itself.
    private func changedValues(
        _ write: RowWrite, _ row: Int, _ table: Table, _ commit: Commit, _ stamp: Int
    ) -> [Int: FieldValue] {
        var values = write.values
        let layout = table.schema.layout
        for place in layout.changeStamps { values[place] = .instant(stamp) }
        if let place = layout.lastModifiedBy { values[place] = .id(commit.user) }
        if let place = layout.isDeleted {
            if write.kind == .delete { values[place] = .boolean(true) }
            if write.kind == .undelete { values[place] = .boolean(false) }
        }
        // Generated rows have names without regard to their parts: other updates must not change them.
        guard write.kind == .update, let parts = layout.personName,
            write.values[parts.first] != nil || write.values[parts.last] != nil,
            let (place, name) = Self.fullName(layout, { values[$0] ?? table.value(row, $0) })
        else { return values }
        values[place] = name
        return values
    }

    /// The name of a person, and its place. Nil for objects with another kind of name.
    private static func fullName(
        _ layout: WritableFields, _ value: (Int) -> FieldValue
    ) -> (Int, FieldValue)? {
        guard let name = layout.personName else { return nil }
        let parts = [value(name.first), value(name.last)].compactMap { part -> String? in
            if case .text(let text) = part { text } else { nil }
        }
        return (name.name, .text(parts.joined(separator: " ")))
    }

    private mutating func record(_ table: Table, _ row: Int, _ kind: RowWrite.Kind, _ commit: Commit) {
        logged += 1
        log.append(
            LoggedChange(
                serial: logged, object: table.schema.name, id: table.id(row), kind: kind,
                committed: commit.now))
    }

    /// Adds to the roll-up summaries of the row's parents, without a stamp or an event. Documented for
    /// formulas;
    /// assumed for roll-up summaries.
    private mutating func adjustRollUps(_ object: String, _ row: Int, by amount: Double) {
        guard amount != 0, let table = tables[object] else { return }
        for (parent, counter, reference) in Self.rollUps where reference.child == object {
            guard let place = table.schema.place(of: reference.field),
                case .id(let id) = table.value(row, place), let parentRow = tables[parent]?.row(id),
                let counterPlace = tables[parent]?.schema.place(of: counter),
                case .number(let count)? = tables[parent]?.value(parentRow, counterPlace)
            else { continue }
            tables[parent]?.change(parentRow, [counterPlace: .number(count + amount)])
        }
    }

    private static let rollUps:
        [(parent: String, counter: String, reference: (child: String, field: String))] =
            Catalog.objects.flatMap { object in
                object.fields.compactMap { field in
                    guard case .rollUp(let child, let name) = field.recipe else { return nil }
                    return (object.name.lowercased(), field.name, (child.lowercased(), name))
                }
            }
}

/// Lookups by the value of a field.
extension Org {
    /// The live rows with this value. `object` is in lower case.
    mutating func rows(_ object: String, _ place: Int, _ value: FieldValue) -> [Int] {
        guard value != .null, let table = tables[object] else { return [] }
        if externalIDs[object]?[place] == nil {
            externalIDs[object, default: [:]][place] = ExternalIDIndex(table, place)
        }
        return externalIDs[object]?[place]?.rows(value) ?? []
    }

    fileprivate mutating func reindex(_ write: RowWrite, _ row: Int, _ before: Table, _ after: Table) {
        // Nothing may retain the dictionary: each change would copy an index.
        let places = externalIDs[write.object].map { Array($0.keys) } ?? []
        for place in places {
            let was = write.kind == .create || before.isDeleted(row) ? .null : before.value(row, place)
            let now = after.isDeleted(row) ? .null : after.value(row, place)
            guard was != now else { continue }
            externalIDs[write.object]?[place]?.remove(row, was)
            externalIDs[write.object]?[place]?.add(row, now)
        }
    }
}

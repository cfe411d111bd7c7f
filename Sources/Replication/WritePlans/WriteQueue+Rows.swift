/// Entries of one row: inserts that replace failed ones, and rows that are deleted before they were sent.
extension WriteQueue {
    mutating func addNew(_ entry: LogEntry) {
        // The failed entry, which a person retries.
        if let failed = slotOf[entry.id] { remove(failed) }
        if settings.isMerged, merge(entry) { return }
        let slot = newSlot(entry)
        let row = lines.row(row(of: slot))
        if row.last == nil, row.failed == nil {
            link(slot)
            return arrange(slot)
        }
        if let last = row.last { shareRecord(slot, last) }
        let isUnsent = slots[Int(slot)].entry.sfid == nil
        if isUnsent, entry.action == .insert { takePlace(slot, failed: row.failed) }
        if isUnsent, entry.action == .delete, let failed = row.failed { ignoreEntries(ofFailed: failed) }
        link(slot)
        if isUnsent, entry.action == .delete { ignoreDeletedRow(self.row(of: slot)) }
        if slots[Int(slot)].state == .loose { arrange(slot) }
        if entry.action == .insert { arrangeStranded(self.row(of: slot)) }
    }

    /// A row whose insert failed is deleted: its other entries have nothing to change.
    mutating func ignoreEntries(ofFailed failed: Int32) {
        for other in lines.slots(of: row(of: failed)) where slots[Int(other)].entry.sfid == nil {
            ignore(other)
        }
        remove(failed)
    }

    /// If one entry of a row names the record, the others do so too.
    private mutating func shareRecord(_ slot: Int32, _ last: Int32) {
        let other = slots[Int(last)].entry
        if let sfid = slots[Int(slot)].entry.sfid {
            if other.sfid == nil { learn(sfid, rowOf: slot) }
        } else if slots[Int(slot)].entry.action != .insert, other.action != .delete {
            slots[Int(slot)].entry.sfid = other.sfid
        }
    }

    /// A new insert of the row goes before the row's other entries, unless they have one that may be sent: it
    /// takes the place of the failed insert.
    private mutating func takePlace(_ slot: Int32, failed: Int32?) {
        let others = lines.slots(of: row(of: slot))
        guard !others.contains(where: { isUnsentInsert($0) }) else { return }
        if let failed {
            slots[Int(slot)].place = slots[Int(failed)].place
            remove(failed)
        } else if let first = others.first(where: { slots[Int($0)].isWaiting }),
            slots[Int(first)].entry.sfid == nil
        {
            slots[Int(slot)].place = min(slots[Int(slot)].place, slots[Int(first)].place - 1)
        }
    }

    private func isUnsentInsert(_ slot: Int32) -> Bool {
        slots[Int(slot)].entry.action == .insert && slots[Int(slot)].entry.sfid == nil
    }

    private mutating func arrangeStranded(_ row: WriteResource) {
        for slot in lines.slots(of: row) where slots[Int(slot)].state == .stranded {
            slots[Int(slot)].state = .loose
            arrange(slot)
        }
    }

    /// If the row was deleted before its insert was sent, all its entries are ignored, unless another entry
    /// between them refers to the row.
    mutating func ignoreDeletedRow(_ row: WriteResource) {
        let entries = lines.slots(of: row)
        guard
            let end = entries.firstIndex(where: {
                slots[Int($0)].entry.action == .delete && slots[Int($0)].entry.sfid == nil
            })
        else { return }
        let before = entries[..<end]
        guard let start = before.firstIndex(where: { isUnsentInsert($0) }) else {
            for slot in before where slots[Int(slot)].state == .stranded { ignore(slot) }
            return
        }
        let ended = entries[start...end]
        guard ended.allSatisfy({ slots[Int($0)].isWaiting && slots[Int($0)].entry.sfid == nil }),
            !lines.isReferenced(slots[Int(entries[start])].node, until: slots[Int(entries[end])].place)
        else { return }
        for slot in ended { ignore(slot) }
    }
}

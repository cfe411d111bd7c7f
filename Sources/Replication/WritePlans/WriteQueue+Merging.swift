/// Merged mode: all waiting changes of a row are one entry.
extension WriteQueue {
    /// Merges a new entry into the row's waiting entry, or into its failed insert, which is thus sent again.
    ///
    /// - Returns: False if the entry stays on its own.
    mutating func merge(_ entry: LogEntry) -> Bool {
        let table = schema.number(of: entry.table)
        let row = lines.row(.row(table: table, id: entry.recordID))
        guard let slot = row.last ?? row.failed, slots[Int(slot)].entry.action != .delete else {
            return false
        }
        let isFailed = slots[Int(slot)].state == .failed
        guard isFailed || slots[Int(slot)].isWaiting else { return false }
        if isFailed {
            failedCount -= 1
            slots[Int(slot)].sent = nil
            slots[Int(slot)].state = .loose
        }
        merge([entry], into: slot)
        return true
    }

    private mutating func merge(_ entries: [LogEntry], into slot: Int32) {
        restorePostponed(slot)
        let isPaused = slots[Int(slot)].state == .paused
        detach(slot)
        var parts = slots[Int(slot)].parts
        slots[Int(slot)].parts = []
        if parts.isEmpty {
            parts = [slots[Int(slot)].entry]
            known.insert(slots[Int(slot)].entry.id)
        }
        for entry in entries {
            slotOf[entry.id] = slot
            known.insert(entry.id)
        }
        let isLater = (parts.last?.id ?? 0) < (entries.first?.id ?? 0)
        parts += entries
        if isLater {
            slots[Int(slot)].entry = entries.reduce(slots[Int(slot)].entry, Self.merged)
        } else {
            parts.sort { $0.id < $1.id }
            slots[Int(slot)].entry = parts.dropFirst().reduce(parts[0], Self.merged)
        }
        slots[Int(slot)].parts = parts
        slots[Int(slot)].order = .merged
        linkAgain(slot)
        if slots[Int(slot)].entry.action == .delete, slots[Int(slot)].entry.sfid == nil {
            slots[Int(slot)].state = .loose
            ignore(slot)
        } else if !isPaused {
            arrange(slot)
        }
        wakeWaiters(of: slot)
    }

    /// The change that has the effect of both.
    private static func merged(_ earlier: LogEntry, _ later: LogEntry) -> LogEntry {
        var entry = later
        entry.sfid = later.sfid ?? earlier.sfid
        if later.action != .delete, earlier.action == .insert { entry.action = .insert }
        entry.values = entry.action == .delete ? [:] : earlier.values.merging(later.values) { $1 }
        entry.old = entry.action == .insert ? [:] : later.old.merging(earlier.old) { $1 }
        return entry
    }

    /// Merges the change that came while the entry was in flight into it.
    mutating func mergeNext(_ slot: Int32) {
        guard slots[Int(slot)].entry.action != .delete,
            let next = lines.slots(of: row(of: slot)).first(where: { $0 != slot }),
            slots[Int(next)].isWaiting
        else { return }
        let later = slots[Int(next)]
        remove(next)
        merge(later.parts.isEmpty ? [later.entry] : later.parts, into: slot)
    }

    /// A failed insert is sent again with the change that came while it was in flight.
    ///
    /// - Returns: False without such a change.
    mutating func mergeFailed(_ slot: Int32) -> Bool {
        guard lines.slots(of: row(of: slot)).contains(where: { $0 != slot }) else { return false }
        lines.set(slots[Int(slot)].node, isInFlight: false)
        slots[Int(slot)].state = .loose
        slots[Int(slot)].sent = nil
        dropMerged(slot)
        mergeNext(slot)
        return true
    }

    /// The ends of the other parts are recorded.
    mutating func dropMerged(_ slot: Int32) {
        for id in slots[Int(slot)].merged {
            slotOf[id] = nil
            known.remove(id)
        }
        slots[Int(slot)].parts = []
    }
}

// MARK: - Circles of references

extension WriteQueue {
    mutating func restorePostponed(_ slot: Int32) {
        slots[Int(slot)].entry.values.merge(slots[Int(slot)].postponed) { $1 }
        slots[Int(slot)].postponed = [:]
    }

    /// The record exists now. Its postponed references are sent as an update.
    mutating func sendPostponed(_ slot: Int32, _ sfid: String?) {
        if slots[Int(slot)].entry.sfid == nil, let sfid {
            slots[Int(slot)].entry.sfid = sfid
            learn(sfid, rowOf: slot)
        }
        slots[Int(slot)].entry.action = .update
        slots[Int(slot)].entry.values = slots[Int(slot)].postponed
        slots[Int(slot)].postponed = [:]
        slots[Int(slot)].sent = nil
        slots[Int(slot)].state = .loose
        slots[Int(slot)].order = .merged
        linkAgain(slot)
        mergeNext(slot)
        if slots[Int(slot)].state == .loose { arrange(slot) }
        wakeWaiters(of: slot)
    }

    /// Breaks a circle of entries that wait for each other, if the entry is part of one.
    mutating func breakCircle(at slot: Int32) {
        guard settings.isMerged else { return }
        var circle = [slot]
        var next = slots[Int(slot)].parkedOn
        while next != slot {
            guard slots[Int(next)].state == .parked, circle.count < ReplicationLimits.circleLength else {
                return
            }
            circle.append(next)
            next = slots[Int(next)].parkedOn
        }
        breakCircle(circle)
    }

    /// Breaks a circle that is longer than `breakCircle(at:)` searches.
    mutating func breakLongCircle() -> Bool {
        var visits: [Int32: Int32] = [:]
        for start in slots.indices where slots[start].state == .parked && visits[Int32(start)] == nil {
            var slot = Int32(start)
            while slots[Int(slot)].state == .parked, visits[slot] == nil {
                visits[slot] = Int32(start)
                slot = slots[Int(slot)].parkedOn
            }
            guard slots[Int(slot)].state == .parked, visits[slot] == Int32(start) else { continue }
            var circle = [slot]
            while case let next = slots[Int(circle[circle.count - 1])].parkedOn, next != slot {
                circle.append(next)
            }
            breakCircle(circle)
            return true
        }
        return false
    }

    /// Sends one entry without the references that make it wait. If none has such references, the first entry
    /// no longer waits for others that wait.
    private mutating func breakCircle(_ circle: [Int32]) {
        for slot in circle {
            guard let conflict = lines.conflict(of: slots[Int(slot)].node, .merged),
                conflict.mode == .reference
            else { continue }
            let entry = slots[Int(slot)].entry
            let columns = schema.columns(of: entry, slots[Int(slot)].table, naming: conflict.resource)
            guard !columns.isEmpty, columns.count < entry.values.count else { continue }
            for column in columns {
                let value = slots[Int(slot)].entry.values.removeValue(forKey: column) ?? nil
                slots[Int(slot)].postponed.updateValue(value, forKey: column)
            }
            detach(slot)
            linkAgain(slot)
            return arrange(slot)
        }
        guard let first = circle.min(by: { slots[Int($0)].place < slots[Int($1)].place }) else { return }
        slots[Int(first)].order = .free
        detach(first)
        arrange(first)
    }
}

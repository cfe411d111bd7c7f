internal import HeapModule

extension WriteQueue {
    mutating func newSlot(_ entry: LogEntry) -> Int32 {
        let table = schema.number(of: entry.table)
        while streams.count < schema.tableCount * 4 { streams.append(WriteStream()) }
        let new = Slot(
            entry: entry, table: table, place: entry.id * 2, order: settings.isMerged ? .merged : .ordered)
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
            slots[Int(free)] = new
        } else {
            slot = Int32(slots.count)
            slots.append(new)
        }
        slotOf[entry.id] = slot
        known.insert(entry.id)
        return slot
    }

    func row(of slot: Int32) -> WriteResource {
        .row(table: slots[Int(slot)].table, id: slots[Int(slot)].entry.recordID)
    }

    /// Puts an entry into the lines of its resources.
    mutating func link(_ slot: Int32, isInFlight: Bool = false) {
        schema.accesses(of: slots[Int(slot)].entry, slots[Int(slot)].table, into: &accesses)
        slots[Int(slot)].node = lines.insert(
            accesses, slot: slot, place: slots[Int(slot)].place, isInFlight: isInFlight)
    }

    /// The same after a change of the entry.
    mutating func linkAgain(_ slot: Int32) {
        lines.remove(slots[Int(slot)].node)
        link(slot)
    }

    /// Ends an entry. The entries that waited for it are arranged again.
    mutating func remove(_ slot: Int32) {
        detach(slot)
        leaveBatch(slot)
        lines.remove(slots[Int(slot)].node)
        if slots[Int(slot)].state == .failed { failedCount -= 1 }
        let id = slots[Int(slot)].entry.id
        slotOf[id] = nil
        known.remove(id)
        for merged in slots[Int(slot)].merged where slotOf[merged] == slot {
            slotOf[merged] = nil
            known.remove(merged)
        }
        slots[Int(slot)].state = .free
        wakeWaiters(of: slot)
        slots[Int(slot)] = Slot(
            entry: LogEntry(id: 0, action: .update, table: "", recordID: 0), table: 0, place: 0, state: .free)
        freeSlots.append(slot)
    }

    /// Makes an entry a candidate, or parks it behind the one for which it waits.
    mutating func arrange(_ slot: Int32) {
        let action = schema.action(of: slots[Int(slot)].entry, slots[Int(slot)].table)
        if let blocker = lines.blocker(of: slots[Int(slot)].node, slots[Int(slot)].order) {
            if action == nil, isDeletionOfNothing(slot) { return ignore(slot) }
            park(slot, behind: blocker)
            return breakCircle(at: slot)
        }
        guard let action else {
            let isDeleted = slots[Int(slot)].entry.action == .delete || isDeletedLater(slot)
            if isDeleted { return ignore(slot) }
            slots[Int(slot)].state = .stranded
            return
        }
        let stream = slots[Int(slot)].table * 4 + action.number
        slots[Int(slot)].state = .candidate
        slots[Int(slot)].stream = stream
        if streams[Int(stream)].count == 0 { openStreams.append(stream) }
        streams[Int(stream)].add(WriteStream.Candidate(place: slots[Int(slot)].place, slot: slot))
    }

    /// Whether a row is deleted that has no record and no other entries.
    private func isDeletionOfNothing(_ slot: Int32) -> Bool {
        guard slots[Int(slot)].entry.action == .delete, slots[Int(slot)].entry.sfid == nil else {
            return false
        }
        let row = row(of: slot)
        return lines.slots(of: row).first == slot && lines.row(row).failed == nil
    }

    private func isDeletedLater(_ slot: Int32) -> Bool {
        guard let last = lines.row(row(of: slot)).last else { return false }
        let entry = slots[Int(last)].entry
        return entry.action == .delete && entry.sfid == nil
    }

    /// The entry ends without being sent.
    mutating func ignore(_ slot: Int32) {
        guard slots[Int(slot)].isWaiting else { return }
        detach(slot)
        lines.remove(slots[Int(slot)].node)
        slots[Int(slot)].node = WriteLines.none
        slots[Int(slot)].state = .ignored
        untaken.append(slots[Int(slot)].entry.id)
        wakeWaiters(of: slot)
    }

    /// A waiting entry leaves its stream, or the entry behind which it is parked.
    mutating func detach(_ slot: Int32) {
        switch slots[Int(slot)].state {
        case .candidate:
            let stream = slots[Int(slot)].stream
            streams[Int(stream)].leave()
            if streams[Int(stream)].count == 0 { openStreams.removeAll { $0 == stream } }
            slots[Int(slot)].state = .loose
        case .parked: unpark(slot)
        case .loose, .stranded: slots[Int(slot)].state = .loose
        case .free, .paused, .running, .doubtful, .failed, .ignored: return
        }
    }

    /// The row has a record by now: its waiting entries change that record.
    mutating func learn(_ sfid: String, rowOf slot: Int32) {
        for other in lines.slots(of: row(of: slot)) where slots[Int(other)].isWaiting {
            guard slots[Int(other)].entry.sfid == nil else {
                // What follows is another record.
                if slots[Int(other)].entry.action == .delete { return }
                continue
            }
            slots[Int(other)].entry.sfid = sfid
            let isPaused = slots[Int(other)].state == .paused
            detach(other)
            linkAgain(other)
            if !isPaused { arrange(other) }
            wakeWaiters(of: other)
        }
    }
}

// MARK: - Entries that wait for others

extension WriteQueue {
    mutating func park(_ slot: Int32, behind blocker: Int32) {
        let first = slots[Int(blocker)].firstWaiter
        slots[Int(slot)].state = .parked
        slots[Int(slot)].parkedOn = blocker
        slots[Int(slot)].previousWaiter = WriteLines.none
        slots[Int(slot)].nextWaiter = first
        if first != WriteLines.none { slots[Int(first)].previousWaiter = slot }
        slots[Int(blocker)].firstWaiter = slot
    }

    private mutating func unpark(_ slot: Int32) {
        let blocker = slots[Int(slot)].parkedOn
        let previous = slots[Int(slot)].previousWaiter
        let next = slots[Int(slot)].nextWaiter
        if previous == WriteLines.none {
            slots[Int(blocker)].firstWaiter = next
        } else {
            slots[Int(previous)].nextWaiter = next
        }
        if next != WriteLines.none { slots[Int(next)].previousWaiter = previous }
        slots[Int(slot)].parkedOn = WriteLines.none
        slots[Int(slot)].state = .loose
    }

    mutating func wakeWaiters(of slot: Int32) {
        guard slots[Int(slot)].firstWaiter != WriteLines.none else { return }
        var waiters: [Int32] = []
        while case let waiter = slots[Int(slot)].firstWaiter, waiter != WriteLines.none {
            unpark(waiter)
            waiters.append(waiter)
        }
        // One of them may end others.
        for waiter in waiters where slots[Int(waiter)].state == .loose { arrange(waiter) }
    }
}

extension WriteAttempt.Action {
    /// The place of the action's stream among those of its table.
    fileprivate var number: Int32 {
        switch self {
        case .insert: 0
        case .update: 1
        case .upsert: 2
        case .delete: 3
        }
    }

    init(stream: Int32) {
        self =
            switch stream % 4 {
            case 0: .insert
            case 1: .update
            case 2: .upsert
            default: .delete
            }
    }
}

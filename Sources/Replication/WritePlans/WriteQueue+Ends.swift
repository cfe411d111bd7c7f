internal import HeapModule

extension WriteQueue {
    /// Records how the sending of an entry ended.
    ///
    /// - Parameter id: the id of the item's entry.
    package mutating func end(_ id: Int, as end: WriteEnd, now: ContinuousClock.Instant) {
        guard let slot = slotOf[id] else { return }
        leaveBatch(slot)
        switch end {
        case .written(let sfid, _): endWritten(slot, sfid)
        case .failed: endFailed(slot)
        case .ignored: remove(slot)
        case .retry(let pause, _):
            if slots[Int(slot)].state == .ignored {
                untaken.append(id)
            } else {
                self.pause(slot, until: now + pause)
            }
        case .doubtful:
            if slots[Int(slot)].isInFlight { slots[Int(slot)].state = .doubtful }
        }
    }

    private mutating func endWritten(_ slot: Int32, _ sfid: String?) {
        if !slots[Int(slot)].postponed.isEmpty { return sendPostponed(slot, sfid) }
        if slots[Int(slot)].entry.sfid == nil, let sfid, !lines.isAlone(slots[Int(slot)].node) {
            learn(sfid, rowOf: slot)
        }
        // The key exists now, so references to it need the failed insert no more.
        for failed in lines.failedInserts(withKeysOf: slots[Int(slot)].node) {
            slots[Int(failed)].node = lines.keepRow(slots[Int(failed)].node)
            wakeWaiters(of: failed)
        }
        remove(slot)
    }

    private mutating func endFailed(_ slot: Int32) {
        let isInsert = slots[Int(slot)].sent == .insert || slots[Int(slot)].sent == .upsert
        guard slots[Int(slot)].entry.action == .insert, isInsert else { return remove(slot) }
        let row = row(of: slot)
        let isDeleted = lines.slots(of: row).contains {
            slots[Int($0)].entry.action == .delete && slots[Int($0)].entry.sfid == nil
        }
        guard isDeleted else {
            if settings.isMerged, mergeFailed(slot) { return }
            return markFailed(slot)
        }
        ignoreEntries(ofFailed: slot)
    }

    mutating func markFailed(_ slot: Int32) {
        slots[Int(slot)].node = lines.fail(slots[Int(slot)].node)
        slots[Int(slot)].state = .failed
        if settings.isMerged {
            // They are sent with the next change of the row.
            restorePostponed(slot)
        } else {
            slots[Int(slot)].entry.values = [:]
        }
        dropMerged(slot)
        known.remove(slots[Int(slot)].entry.id)
        failedCount += 1
        wakeWaiters(of: slot)
        if failedCount > ReplicationLimits.failedInserts { removeOldestFailed() }
    }

    private mutating func removeOldestFailed() {
        let failed = slots.filter { $0.state == .failed }.map(\.entry.id).sorted()
        for id in failed.prefix(failed.count / 2) {
            if let slot = slotOf[id] { remove(slot) }
        }
    }

    private mutating func pause(_ slot: Int32, until end: ContinuousClock.Instant) {
        detach(slot)
        lines.set(slots[Int(slot)].node, isInFlight: false)
        slots[Int(slot)].state = .paused
        slots[Int(slot)].sent = nil
        slots[Int(slot)].resumesAt = end
        pauses.insert(Pause(end: end, slot: slot))
        if settings.isMerged { mergeNext(slot) }
        ignoreDeletedRow(row(of: slot))
        // An entry that came while this one was in flight may have an earlier place.
        wakeWaiters(of: slot)
    }

    /// Ends pauses.
    mutating func resume(_ now: ContinuousClock.Instant) {
        while let pause = pauses.min, pause.end <= now {
            pauses.removeMin()
            let slot = Int(pause.slot)
            guard slots[slot].state == .paused, slots[slot].resumesAt == pause.end else { continue }
            slots[slot].state = .loose
            slots[slot].resumesAt = nil
            arrange(pause.slot)
        }
    }

    /// A batch ends with its last entry.
    mutating func leaveBatch(_ slot: Int32) {
        guard let number = slots[Int(slot)].batch else { return }
        slots[Int(slot)].batch = nil
        guard var batch = batches[number] else { return }
        batch.open -= 1
        batches[number] = batch.open > 0 ? batch : nil
        guard batch.open == 0 else { return }
        if let table = batch.bulkTable {
            bulkTables.remove(table)
        } else {
            runningCalls -= 1
        }
    }
}

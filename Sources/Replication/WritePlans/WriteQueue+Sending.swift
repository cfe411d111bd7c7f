internal import HeapModule

extension WriteQueue {
    /// The next entries to send. They are running until `end` or `forget`.
    ///
    /// - Returns: Nil if nothing can be sent now, or if `Settings.calls` requests run.
    package mutating func next(now: ContinuousClock.Instant) -> WriteBatch? {
        resume(now)
        guard runningCalls < max(settings.calls, 1) else { return nil }
        if settings.isStrict { return nextInOrder() }
        while let stream = nextStream() {
            if let batch = takeBatch(stream) { return batch }
        }
        guard settings.isMerged, runningCalls == 0, breakLongCircle() else { return nil }
        return nextStream().flatMap { takeBatch($0) }
    }

    /// Streams that fill a request go first, in turn. A stream with fewer entries waits for as many batches
    /// as can run at once.
    private func nextStream() -> Int32? {
        var best: (stream: Int32, rank: (Int, Int, Int))?
        for number in openStreams where !waitsForBulkJob(number) {
            let stream = streams[Int(number)]
            let rank: (Int, Int, Int) =
                if stream.passes >= settings.calls - 1 {
                    (0, -stream.passes, stream.turn)
                } else {
                    (stream.count >= settings.rowsPerCall ? 1 : 2, 0, stream.turn)
                }
            if let known = best, known.rank <= rank { continue }
            best = (number, rank)
        }
        return best?.stream
    }

    private func fillsBulkJob(_ stream: Int32) -> Bool {
        settings.usesBulk && !settings.isMerged && WriteAttempt.Action(stream: stream) != .insert
            && streams[Int(stream)].count >= settings.bulkThreshold
    }

    private func waitsForBulkJob(_ stream: Int32) -> Bool {
        fillsBulkJob(stream) && bulkTables.contains(stream / 4)
    }

    /// Nil if all candidates of the stream wait for other entries: then the stream is empty.
    private mutating func takeBatch(_ stream: Int32) -> WriteBatch? {
        var limit = settings.rowsPerCall
        if fillsBulkJob(stream) { limit = max(limit, ReplicationLimits.bulkWriteRows) }
        var taken: [Int32] = []
        while taken.count < limit, let slot = popCandidate(stream) { taken.append(slot) }
        let isBulk = limit > settings.rowsPerCall && taken.count >= settings.bulkThreshold
        if !isBulk {
            for slot in taken.dropFirst(settings.rowsPerCall) { arrange(slot) }
            taken = Array(taken.prefix(settings.rowsPerCall))
        }
        guard !taken.isEmpty else { return nil }
        for other in openStreams { streams[Int(other)].passes += 1 }
        return start(taken, stream, isBulk ? .bulk : .collection)
    }

    /// Removes the first candidate that can be sent. Candidates that wait for other entries are parked.
    private mutating func popCandidate(_ stream: Int32) -> Int32? {
        while let candidate = streams[Int(stream)].popFirst() {
            let slot = candidate.slot
            guard isCandidate(candidate, stream) else { continue }
            detach(slot)
            guard let blocker = lines.blocker(of: slots[Int(slot)].node, slots[Int(slot)].order) else {
                return slot
            }
            park(slot, behind: blocker)
            breakCircle(at: slot)
        }
        return nil
    }

    private func isCandidate(_ candidate: WriteStream.Candidate, _ stream: Int32) -> Bool {
        let slot = Int(candidate.slot)
        return slots[slot].state == .candidate && slots[slot].place == candidate.place
            && slots[slot].stream == stream
    }

    private mutating func start(
        _ taken: [Int32], _ stream: Int32, _ method: WriteAttempt.Method
    ) -> WriteBatch {
        let action = WriteAttempt.Action(stream: stream)
        lastBatch += 1
        streams[Int(stream)].turn = lastBatch
        streams[Int(stream)].passes = 0
        let bulkTable = method == .bulk ? stream / 4 : nil
        if let bulkTable { bulkTables.insert(bulkTable) } else { runningCalls += 1 }
        batches[lastBatch] = Running(open: taken.count, bulkTable: bulkTable)
        var items: [WriteBatch.Item] = []
        items.reserveCapacity(taken.count)
        for slot in taken {
            slots[Int(slot)].state = .running
            slots[Int(slot)].batch = lastBatch
            slots[Int(slot)].sent = action
            lines.set(slots[Int(slot)].node, isInFlight: true)
            items.append(
                WriteBatch.Item(
                    slots[Int(slot)].entry, merged: slots[Int(slot)].merged,
                    isPartial: !slots[Int(slot)].postponed.isEmpty))
        }
        return WriteBatch(
            table: schema.name(of: stream / 4), action: action, method: method, items: items)
    }
}

// MARK: - One request at a time

extension WriteQueue {
    /// Entries that follow each other, of one table and action. Entries behind failed and doubtful ones are
    /// left out; an entry in a pause stops all later ones.
    private mutating func nextInOrder() -> WriteBatch? {
        guard batches.isEmpty else { return nil }
        // The place of the first entry that must wait for one in a pause or in the batch.
        var limit =
            pauses.unordered.lazy.map { [slots] in slots[Int($0.slot)] }
            .filter { $0.state == .paused }.map(\.place).min() ?? Int.max
        var taken: [Int32] = []
        var stream: Int32?
        while taken.count < settings.rowsPerCall, let first = firstStream() {
            guard let candidate = streams[Int(first)].first, candidate.place < limit else { break }
            if let stream, stream != first { break }
            _ = streams[Int(first)].popFirst()
            let slot = candidate.slot
            detach(slot)
            if let blocker = lines.blocker(of: slots[Int(slot)].node, .ordered) {
                park(slot, behind: blocker)
                if taken.contains(blocker) { break }
                continue
            }
            stream = first
            taken.append(slot)
            var waiter = slots[Int(slot)].firstWaiter
            while waiter != WriteLines.none {
                limit = min(limit, slots[Int(waiter)].place)
                waiter = slots[Int(waiter)].nextWaiter
            }
        }
        guard let stream, !taken.isEmpty else { return nil }
        return start(taken, stream, .collection)
    }

    private mutating func firstStream() -> Int32? {
        var best: (stream: Int32, place: Int)?
        for stream in openStreams {
            while let first = streams[Int(stream)].first, !isCandidate(first, stream) {
                _ = streams[Int(stream)].popFirst()
            }
            guard let first = streams[Int(stream)].first else { continue }
            if let known = best, known.place < first.place { continue }
            best = (stream, first.place)
        }
        return best?.stream
    }
}

/// Keys with the times at which they are due: a heap, so that a tenant needs one timer for all of its work.
struct DueTimes<Key: Hashable & Sendable>: Sendable {
    private struct Entry: Sendable {
        var at: ContinuousClock.Instant
        var key: Key
    }

    private var heap: [Entry] = []
    /// The valid time of each key. Entries with another time are left over from a change.
    private var times: [Key: ContinuousClock.Instant] = [:]

    var isEmpty: Bool { times.isEmpty }
    var keys: Set<Key> { Set(times.keys) }

    /// When the first key is due. Nil if there is none.
    mutating func next() -> ContinuousClock.Instant? {
        dropStale()
        return heap.first?.at
    }

    /// Sets the time of a key.
    mutating func set(_ key: Key, at time: ContinuousClock.Instant) {
        guard times[key] != time else { return }
        times[key] = time
        push(Entry(at: time, key: key))
    }

    /// Sets the time of a key unless it is due earlier.
    mutating func advance(_ key: Key, to time: ContinuousClock.Instant) {
        if let known = times[key], known <= time { return }
        set(key, at: time)
    }

    func time(of key: Key) -> ContinuousClock.Instant? { times[key] }

    mutating func remove(_ key: Key) { times[key] = nil }

    /// Removes and returns the first key if it is due.
    mutating func take(due now: ContinuousClock.Instant) -> Key? {
        dropStale()
        guard let first = heap.first, first.at <= now else { return nil }
        pop()
        times[first.key] = nil
        return first.key
    }

    private mutating func dropStale() {
        while let first = heap.first, times[first.key] != first.at { pop() }
    }

    private mutating func push(_ entry: Entry) {
        heap.append(entry)
        var place = heap.count - 1
        while place > 0, heap[place].at < heap[(place - 1) / 2].at {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func pop() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var place = 0
        while true {
            let left = 2 * place + 1
            var least = place
            for child in [left, left + 1] where child < heap.count && heap[child].at < heap[least].at {
                least = child
            }
            guard least != place else { return }
            heap.swapAt(place, least)
            place = least
        }
    }
}

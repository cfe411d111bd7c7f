/// An event of an org's event bus.
struct OrgEvent: Sendable {
    enum Topic: Hashable, Sendable {
        /// A change event of the object with this name.
        case change(of: String)
        /// A platform event of the kind with this name.
        case platformEvent(String)
        /// An event of the PushTopic with this name.
        case pushTopic(String)
    }

    let replayID: Int
    let topic: Topic
    /// Milliseconds since 1970.
    let committed: Int
    /// No subscriber gets the event earlier. Milliseconds since 1970.
    let deliverAt: Int
    /// The member `data` of the message, as JSON.
    let data: [UInt8]
}

/// The retained events of an org, in commit order. Replay ids grow and have holes. Documented.
struct OrgEventLog: Sendable {
    private var events: [OrgEvent] = []
    /// Events before this index are forgotten.
    private var head = 0
    private(set) var lastReplayID: Int
    private let maximumEvents: Int

    /// - Parameter maximumEvents: bounds memory. The oldest are forgotten first.
    init(firstReplayID: Int, maximumEvents: Int) {
        lastReplayID = firstReplayID
        self.maximumEvents = maximumEvents
    }

    /// Appends an event. It is not delivered before its predecessors.
    /// - Parameter data: the member `data`, given the replay id.
    mutating func append(
        _ topic: OrgEvent.Topic, committed: Int, delay: Int, data: (_ replayID: Int) -> [UInt8]
    ) {
        lastReplayID += 1 + Int(Mixer.mix(UInt64(lastReplayID)) % 3)
        let deliverAt = max(committed + delay, events.last?.deliverAt ?? 0)
        events.append(
            OrgEvent(
                replayID: lastReplayID, topic: topic, committed: committed, deliverAt: deliverAt,
                data: data(lastReplayID)))
        if events.count - head > maximumEvents { forget(before: events.count - maximumEvents) }
    }

    private mutating func forget(before place: Int) {
        head = max(head, place)
        // Moves the rest only when that is cheap per forgotten event.
        if head > 1024, head > events.count / 2 {
            events.removeFirst(head)
            head = 0
        }
    }

    /// Forgets events that were committed before `moment`.
    mutating func expire(before moment: Int) {
        var place = head
        while place < events.count, events[place].committed < moment { place += 1 }
        forget(before: place)
    }

    /// True if a subscriber may continue after this event.
    func isValid(_ replayID: Int) -> Bool {
        guard head < events.count else { return false }
        return replayID >= events[head].replayID && replayID <= lastReplayID
    }

    /// The replay id before the oldest retained event.
    var beforeOldest: Int { head < events.count ? events[head].replayID - 1 : lastReplayID }

    /// The retained events after `replayID`, in order.
    func events(after replayID: Int) -> ArraySlice<OrgEvent> {
        var low = head
        var high = events.count
        while low < high {
            let middle = (low + high) / 2
            if events[middle].replayID <= replayID { low = middle + 1 } else { high = middle }
        }
        return events[low...]
    }
}

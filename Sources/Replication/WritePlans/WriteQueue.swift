internal import HeapModule

/// The order in which a tenant's changes are sent, and their packing into requests.
///
/// Entries that share a record, a key or a reference keep their order. All others may overtake each other.
/// The queue holds open entries in memory. The log has the truth: an entry that the queue does not know is
/// read from there.
package struct WriteQueue: Sendable {
    /// A connection's settings.
    package struct Settings: Sendable, Equatable {
        /// All waiting changes of a row are sent as one, and rows are sent in any order that references
        /// allow.
        package var isMerged = false
        /// Requests at the same time. With 1, entries are sent strictly in the order of their ids.
        package var calls = 5
        package var rowsPerCall = 200
        /// From this many entries of one table and action they are sent as a Bulk job.
        package var bulkThreshold = 2_000
        package var usesBulk = true

        package init() {}

        var isStrict: Bool { calls <= 1 && !isMerged }
    }

    enum State: UInt8, Sendable {
        case free
        /// Being arranged: neither a candidate nor parked.
        case loose
        case candidate
        /// Waits for the end of the entry `parkedOn`.
        case parked
        case paused
        /// An update of a row of which Salesforce has no record and that has no key.
        case stranded
        case running
        case doubtful
        /// A failed insert, which blocks other entries.
        case failed
        /// Ends without being sent.
        case ignored
    }

    struct Slot: Sendable {
        var entry: LogEntry
        var table: Int32
        /// Twice the id, so that there is a place before each entry.
        var place: Int
        var state = State.loose
        var order = WriteLines.Order.ordered
        var node = WriteLines.none
        var stream: Int32 = 0
        var batch: Int?
        var sent: WriteAttempt.Action?
        var resumesAt: ContinuousClock.Instant?
        /// The entries that make up `entry`, if it is merged, by their ids.
        var parts: [LogEntry] = []
        /// Columns that are sent with a second request, to break a circle of references.
        var postponed: [String: String?] = [:]
        var parkedOn = WriteLines.none
        var firstWaiter = WriteLines.none
        var previousWaiter = WriteLines.none
        var nextWaiter = WriteLines.none

        /// Ids of the parts other than `entry.id`.
        var merged: [Int] { parts.map(\.id).filter { $0 != entry.id } }
        var isInFlight: Bool { state == .running || state == .doubtful }
        /// In its lines, and not in flight.
        var isWaiting: Bool {
            switch state {
            case .loose, .candidate, .parked, .paused, .stranded: true
            case .free, .running, .doubtful, .failed, .ignored: false
            }
        }
    }

    struct Pause: Comparable, Sendable {
        var end: ContinuousClock.Instant
        var slot: Int32

        static func < (one: Pause, other: Pause) -> Bool { one.end < other.end }
    }

    /// A batch that has been sent, or is about to be.
    struct Running: Sendable {
        var open: Int
        /// The table of a Bulk job, nil for a request.
        var bulkTable: Int32?
    }

    let settings: Settings
    var schema = WriteSchema()
    var lines = WriteLines()
    var slots: [Slot] = []
    var freeSlots: [Int32] = []
    var slotOf: [Int: Int32] = [:]
    /// Four for each table, one for each action.
    var streams: [WriteStream] = []
    /// Streams with candidates.
    var openStreams: [Int32] = []
    var pauses = Heap<Pause>()
    var batches: [Int: Running] = [:]
    var lastBatch = 0
    var runningCalls = 0
    var bulkTables: Set<Int32> = []
    var failedCount = 0
    /// Ids of ignored entries that `takeIgnored` has not returned.
    var untaken: [Int] = []
    var accesses: [WriteAccess] = []

    /// The ids of all entries except failed ones: a failed entry comes back as a new one when it is retried.
    package internal(set) var known: Set<Int> = []

    package init(_ settings: Settings, tables: [WriteTable]) {
        self.settings = settings
        schema.set(tables)
    }

    /// Whether these tables find records by the same columns as before. Queued entries keep their action.
    package func keepsKeys(_ tables: [WriteTable]) -> Bool { schema.keepsKeys(tables) }

    /// Entries that were added before keep the resources that they had.
    package mutating func set(_ tables: [WriteTable]) {
        schema.set(tables)
    }

    /// Adds entries in the state NEW. Of a known entry only its record is taken over, if it has none yet.
    package mutating func add(_ entries: [LogEntry]) {
        for entry in entries {
            if let slot = slotOf[entry.id], slots[Int(slot)].state != .failed {
                if let sfid = entry.sfid { learn(sfid, rowOf: slot) }
                continue
            }
            addNew(entry)
        }
    }

    /// Adds failed inserts of earlier runs: they block the entries that depend on them.
    package mutating func addFailed(_ entries: [LogEntry]) {
        for entry in entries where slotOf[entry.id] == nil && entry.action == .insert && entry.sfid == nil {
            let slot = newSlot(entry)
            link(slot)
            markFailed(slot)
        }
    }

    /// Adds entries of open attempts: they block the entries that depend on them, until `end` or `forget`.
    package mutating func addOpen(_ entries: [LogEntry], isDoubtful: Bool) {
        for entry in entries {
            if let slot = slotOf[entry.id] { remove(slot) }
            let slot = newSlot(entry)
            slots[Int(slot)].sent = schema.action(of: entry, slots[Int(slot)].table)
            link(slot, isInFlight: true)
            slots[Int(slot)].state = isDoubtful ? .doubtful : .running
        }
    }

    /// Removes entries that nobody sends any more.
    package mutating func forget(_ ids: [Int]) {
        for id in ids {
            if let slot = slotOf[id] { remove(slot) }
        }
    }

    /// Entries that are not sent, each once: a deletion of a row that Salesforce never had, and a row that
    /// was deleted before its insert was sent. They remain known until `end`.
    package mutating func takeIgnored() -> [LogEntry] {
        var taken: [LogEntry] = []
        for slot in untaken.compactMap({ slotOf[$0] }) where slots[Int(slot)].state == .ignored {
            let parts = slots[Int(slot)].parts
            taken += parts.isEmpty ? [slots[Int(slot)].entry] : parts
        }
        untaken = []
        return taken
    }

    /// Updates of rows that Salesforce does not have and that have no key. They wait until `add` brings them
    /// with the row's record, or a new insert of the row.
    package var stranded: [Int] {
        slots.filter { $0.state == .stranded }.map(\.entry.id)
    }

    /// Refused inserts that block other entries.
    package var failed: [Int] {
        failedCount == 0 ? [] : slots.filter { $0.state == .failed }.map(\.entry.id)
    }

    /// The time at which the next pause ends.
    package var nextTime: ContinuousClock.Instant? { pauses.min?.end }

    /// `blocked` entries wait for a person or a look-up: behind failed inserts, stranded updates and doubtful
    /// entries.
    package var counts: (waiting: Int, running: Int, blocked: Int, doubtful: Int) {
        var counts = (waiting: 0, running: 0, blocked: 0, doubtful: 0)
        for slot in slots {
            switch slot.state {
            case .running: counts.running += 1
            case .doubtful: counts.doubtful += 1
            case .stranded: counts.blocked += 1
            case .candidate, .paused, .loose: counts.waiting += 1
            case .parked where isBlocked(slot): counts.blocked += 1
            case .parked: counts.waiting += 1
            case .free, .failed, .ignored: break
            }
        }
        return counts
    }

    private func isBlocked(_ parked: Slot) -> Bool {
        var slot = parked
        var steps = 0
        while slot.state == .parked, steps < ReplicationLimits.waitChain {
            slot = slots[Int(slot.parkedOn)]
            steps += 1
        }
        return slot.state == .failed || slot.state == .stranded || slot.state == .doubtful
    }
}

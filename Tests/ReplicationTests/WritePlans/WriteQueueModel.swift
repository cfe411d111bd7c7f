import Replication

/// A slow model of the order of writes: it compares all pairs of entries.
struct WriteQueueModel {
    enum State { case waiting, paused, running, doubtful, failed }

    struct Record {
        var entry: LogEntry {
            didSet { uses = Uses(entry) }
        }
        private(set) var uses: Uses
        var place: Int
        var state = State.waiting

        init(_ entry: LogEntry, place: Int) {
            self.entry = entry
            uses = Uses(entry)
            self.place = place
        }
    }

    var records: [Int: Record] = [:]

    mutating func add(_ entry: LogEntry) {
        var place = entry.id * 2
        let sameRow = records.values.filter { Self.isSameRow($0.entry, entry) && $0.entry.id != entry.id }
        if entry.action == .insert, let failed = sameRow.first(where: { $0.state == .failed }) {
            place = failed.place
            records[failed.entry.id] = nil
        }
        var entry = entry
        if entry.sfid == nil, entry.action != .insert {
            let last = sameRow.filter { $0.state != .failed }.max { $0.place < $1.place }
            if let last, last.entry.action != .delete { entry.sfid = last.entry.sfid }
        }
        records[entry.id] = Record(entry, place: place)
        if let sfid = entry.sfid { learn(sfid, entry) }
    }

    mutating func learn(_ sfid: String, _ entry: LogEntry) {
        for (id, record) in records where Self.isSameRow(record.entry, entry) {
            if record.state == .waiting || record.state == .paused, record.entry.sfid == nil {
                records[id]?.entry.sfid = sfid
            }
        }
    }

    static func isSameRow(_ one: LogEntry, _ other: LogEntry) -> Bool {
        one.table == other.table && one.recordID == other.recordID
    }

    /// Whether `later` must wait for `earlier`, if both are open.
    func waits(_ later: Record, for earlier: Record) -> Bool {
        if Self.isSameRow(later.entry, earlier.entry) { return true }
        let one = earlier.uses
        let other = later.uses
        return !one.creates.isDisjoint(with: other.creates) || !one.creates.isDisjoint(with: other.destroys)
            || !one.creates.isDisjoint(with: other.needs) || !one.destroys.isDisjoint(with: other.all)
            || !one.needs.isDisjoint(with: other.destroys) || !one.fields.isDisjoint(with: other.fields)
    }

    /// Whether a failed insert blocks an entry.
    func isBlocked(_ record: Record, byFailed failed: Record) -> Bool {
        Self.isSameRow(record.entry, failed.entry)
            || !failed.uses.creates.isDisjoint(with: record.uses.references)
    }

    /// Open entries that wait for `id`'s place in the order.
    func blockers(of record: Record) -> [Record] {
        records.values.filter { other in
            guard other.entry.id != record.entry.id else { return false }
            if other.state == .failed {
                return other.place < record.place && isBlocked(record, byFailed: other)
            }
            let isInFlight = other.state == .running || other.state == .doubtful
            guard isInFlight || other.place < record.place else { return false }
            return waits(record, for: other)
        }
    }

    /// Waiting entries that only a person or a look-up can help.
    func stuck() -> Set<Int> {
        var stuck: Set<Int> = []
        let waiting = records.values.filter { $0.state == .waiting || $0.state == .paused }
            .sorted { $0.place < $1.place }
        for record in waiting {
            let blockers = blockers(of: record)
            let isStuck = blockers.contains {
                $0.state == .failed || $0.state == .doubtful || stuck.contains($0.entry.id)
            }
            if isStuck || (blockers.isEmpty && isStranded(record.entry)) { stuck.insert(record.entry.id) }
        }
        return stuck
    }

    func isStranded(_ entry: LogEntry) -> Bool {
        guard entry.action == .update, entry.sfid == nil else { return false }
        guard entry.table == "account" else { return true }
        let old = Uses.key(entry.old["ext__c"])
        guard let change = entry.values["ext__c"] else { return old == nil }
        let new = Uses.key(change)
        return new == nil || (old != nil && old != new)
    }

    /// The records and keys of an entry of the tables of `QueueScene`, as texts.
    struct Uses {
        var creates: Set<String> = []
        var destroys: Set<String> = []
        var references: Set<String> = []
        var keeps: Set<String> = []
        var fields: Set<String> = []

        private(set) var needs: Set<String> = []
        private(set) var all: Set<String> = []

        static func key(_ value: String??) -> String? { (value ?? nil)?.lowercased() }

        init(_ entry: LogEntry) {
            if let sfid = entry.sfid?.prefix(15) {
                if entry.action == .delete {
                    destroys.insert("record \(sfid)")
                } else {
                    keeps.insert("record \(sfid)")
                    fields.insert("record \(sfid)")
                }
            }
            addKeys(entry)
            addReferences(entry)
            let own = creates.union(destroys)
            references.subtract(own)
            keeps.subtract(own)
            needs = references.union(keeps)
            all = own.union(needs)
        }

        private mutating func addKeys(_ entry: LogEntry) {
            guard let column = ["account": "ext__c", "site__c": "code__c"][entry.table] else { return }
            let old = Self.key(entry.old[column]).map { "\(entry.table) \($0)" }
            let new = entry.values[column].map { Self.key($0).map { "\(entry.table) \($0)" } } ?? old
            switch entry.action {
            case .insert: if let new { creates.insert(new) }
            case .delete: if let old { destroys.insert(old) }
            case .update where new == old:
                if let new, entry.sfid == nil { creates.insert(new) } else if let new { keeps.insert(new) }
            case .update:
                if let new { creates.insert(new) }
                if let old { destroys.insert(old) }
            }
        }

        private mutating func addReferences(_ entry: LogEntry) {
            let keys = ["account__ext__c": "account", "parent__code__c": "site__c"]
            for (column, table) in keys {
                let new = Self.key(entry.values[column])
                let old = Self.key(entry.old[column])
                if let new { references.insert("\(table) \(new)") }
                if let old, old != new { keeps.insert("\(table) \(old)") }
            }
            for column in ["accountid", "parentid", "reportsto"] {
                let new = (entry.values[column] ?? nil)?.prefix(15)
                let old = (entry.old[column] ?? nil)?.prefix(15)
                if let new { references.insert("record \(new)") }
                if let old, old != new { keeps.insert("record \(old)") }
            }
        }
    }
}

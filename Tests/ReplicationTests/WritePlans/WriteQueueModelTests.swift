import Testing

@testable import Replication

/// Random changes of a few rows with random ends, compared with `WriteQueueModel`.
struct WriteQueueModelTests {
    @Test(arguments: 0..<30)
    func `random changes never overtake each other, and all are sent`(group: Int) {
        for seed in 0..<100 {
            var run = RandomWrites(seed: group * 100 + seed)
            run.play()
            if !run.problems.isEmpty {
                Issue.record("seed \(group * 100 + seed): \(run.problems.prefix(3).joined(separator: "; "))")
                return
            }
        }
    }

    @Test(arguments: 0..<10)
    func `random merged changes leave the org as the application's tables`(group: Int) {
        for seed in 0..<100 {
            var run = RandomWrites(seed: group * 100 + seed, isMerged: true)
            run.play()
            if !run.problems.isEmpty {
                Issue.record("seed \(group * 100 + seed): \(run.problems.prefix(3).joined(separator: "; "))")
                return
            }
        }
    }
}

/// An application that changes rows, an org that takes writes, and the queue between them.
private struct RandomWrites {
    struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var mixed = state ^ (state >> 33)
            mixed = mixed &* 0xff51_afd7_ed55_8ccd
            return mixed ^ (mixed >> 33)
        }
    }

    struct Row {
        var table: String
        var id: Int
        var sfid: String?
        var values: [String: String?]
    }

    static let keys = ["account": "ext__c", "site__c": "code__c"]

    var problems: [String] = []
    private var random: Seeded
    private let isMerged: Bool
    private let calls: Int
    private var queue: WriteQueue
    private var model = WriteQueueModel()
    private var now = ContinuousClock.now
    /// The application's tables.
    private var rows: [Row] = []
    private var lastID = 0
    private var lastRow = 0
    private var uncommitted: [LogEntry] = []
    private var running: [WriteBatch.Item] = []
    private var doubtful: [WriteBatch.Item] = []
    private var log: [Int: LogEntry] = [:]
    private var ended: Set<Int> = []
    /// The org's records by record id.
    private var org: [String: [String: String?]] = [:]
    /// Rows with changes that the org refused.
    private var refused: Set<Int> = []
    private var isCalm = false

    init(seed: Int, isMerged: Bool = false) {
        random = Seeded(state: UInt64(seed) &* 977 &+ 11)
        self.isMerged = isMerged
        var settings = WriteQueue.Settings()
        settings.isMerged = isMerged
        settings.calls = [1, 2, 3, 5].randomElement(using: &random) ?? 1
        settings.rowsPerCall = [1, 2, 4, 200].randomElement(using: &random) ?? 1
        settings.bulkThreshold = [2, 5, 2_000].randomElement(using: &random) ?? 2
        calls = settings.calls
        queue = WriteQueue(settings, tables: QueueScene.tables)
    }

    mutating func play() {
        for _ in 0..<60 where problems.isEmpty { step() }
        isCalm = true
        for _ in 0..<400 where problems.isEmpty && !isFinished {
            finishOpen()
            step()
        }
        guard problems.isEmpty else { return }
        if !isFinished { problems.append("does not end: \(queue.known.sorted()), \(queue.counts)") }
        if !queue.lines.isEmpty { problems.append("lines remain") }
        if queue.slots.contains(where: { $0.state != .free }) { problems.append("slots remain") }
        if ended != Set(log.keys) { problems.append("lost \(Set(log.keys).subtracting(ended).sorted())") }
        compareOrg()
    }

    private var isFinished: Bool {
        queue.known.isEmpty && uncommitted.isEmpty && running.isEmpty && model.records.isEmpty
    }

    private mutating func step() {
        switch isCalm ? Int.random(in: 4..<10, using: &random) : Int.random(in: 0..<10, using: &random) {
        case 0...3: change()
        case 4: commit()
        case 5: now += .milliseconds(Int.random(in: 0...300, using: &random))
        case 6, 7: send()
        default: endOne()
        }
        takeIgnored()
    }
}

// MARK: - The application

extension RandomWrites {
    private mutating func change() {
        let kind = Int.random(in: 0..<10, using: &random)
        if rows.isEmpty || kind < 4 {
            insert()
        } else if kind < 8 {
            update(Int.random(in: 0..<rows.count, using: &random))
        } else {
            let row = rows.remove(at: Int.random(in: 0..<rows.count, using: &random))
            capture(.delete, row, values: [:], old: row.values)
        }
        if Bool.random(using: &random) { commit() }
    }

    private mutating func insert() {
        let table = ["account", "contact", "site__c", "task"].randomElement(using: &random) ?? "task"
        lastRow += 1
        let values = values(table)
        let row = Row(table: table, id: lastRow, values: values)
        rows.append(row)
        capture(.insert, row, values: values, old: [:])
    }

    private mutating func update(_ index: Int) {
        let old = rows[index].values
        var changed: [String: String?] = ["name": "\(lastID)"]
        for (column, value) in values(rows[index].table).sorted(by: { $0.key < $1.key })
        where Int.random(in: 0..<4, using: &random) == 0 {
            if old[column] != .some(value) { changed[column] = value }
        }
        rows[index].values.merge(changed) { $1 }
        capture(.update, rows[index], values: changed, old: old)
    }

    private mutating func values(_ table: String) -> [String: String?] {
        var values: [String: String?] = ["name": "\(lastID)"]
        // Keys are unique in a table.
        if let column = Self.keys[table] {
            let key = ["a", "b", "C", "d", nil].randomElement(using: &random) ?? nil
            let isTaken = rows.contains { $0.table == table && ($0.values[column] ?? nil) == key }
            values[column] = .some(isTaken ? nil : key)
        }
        let parents = rows.filter { $0.table == "account" }.compactMap(\.sfid)
        switch table {
        case "contact":
            values["account__ext__c"] = .some(["a", "b", "c", nil].randomElement(using: &random) ?? nil)
            values["accountid"] = .some(parents.randomElement(using: &random))
        case "site__c":
            values["parent__code__c"] = .some(["a", "B", "c", nil].randomElement(using: &random) ?? nil)
        default: break
        }
        return values
    }

    private mutating func capture(
        _ action: LogEntry.Action, _ row: Row, values: [String: String?], old: [String: String?]
    ) {
        lastID += 1
        uncommitted.append(
            LogEntry(
                id: lastID, action: action, table: row.table, recordID: row.id, sfid: row.sfid,
                values: values,
                old: old))
    }

    /// Transactions commit in any order, but changes of one row and of the keys of one table do not overtake
    /// each other.
    private mutating func commit() {
        guard let any = uncommitted.randomElement(using: &random),
            let index = uncommitted.firstIndex(where: {
                WriteQueueModel.isSameRow($0, any) || ($0.table == any.table && Self.keys[any.table] != nil)
            })
        else { return }
        add(uncommitted.remove(at: index))
    }

    private mutating func add(_ entry: LogEntry) {
        var entry = entry
        // The log is read with the row's present record.
        let row = rows.first { $0.table == entry.table && $0.id == entry.recordID }
        entry.sfid = entry.sfid ?? row?.sfid
        log[entry.id] = entry
        ended.remove(entry.id)
        queue.add([entry])
        if !isMerged { model.add(entry) }
    }
}

// MARK: - Sending

extension RandomWrites {
    private mutating func send() {
        takeIgnored()
        let open = running.count
        let next = queue.next(now: now)
        takeIgnored()
        guard let batch = next else {
            if open == 0 { checkStuck() }
            return
        }
        if batch.method == .bulk, batch.action == .insert || isMerged {
            problems.append("Bulk \(batch.action)")
        }
        let ids = batch.items.map(\.entry.id)
        if Set(batch.items.map(\.entry.recordID)).count < ids.count { problems.append("a row twice: \(ids)") }
        let records = batch.items.compactMap { $0.entry.sfid?.prefix(15) }
        if Set(records).count < records.count { problems.append("a record twice: \(ids)") }
        if batch.action == .upsert, let column = Self.keys[batch.table] {
            let keys = batch.items.compactMap {
                WriteQueueModel.Uses.key($0.entry.values[column])
                    ?? WriteQueueModel.Uses.key($0.entry.old[column])
            }
            if Set(keys).count < ids.count { problems.append("a key twice or not at all: \(ids)") }
        }
        if batch.action == .update || batch.action == .delete, records.count < ids.count {
            problems.append("no record: \(ids)")
        }
        if !isMerged { check(batch, ids) }
        for item in batch.items {
            if running.contains(where: { WriteQueueModel.isSameRow($0.entry, item.entry) }) {
                problems.append("row of \(item.entry.id) is in flight")
            }
        }
        running += batch.items
    }

    private mutating func check(_ batch: WriteBatch, _ ids: [Int]) {
        if calls == 1 {
            if !running.isEmpty { problems.append("two requests") }
            let last = ids.compactMap { model.records[$0]?.place }.max() ?? 0
            let stuck = model.stuck()
            for record in model.records.values where record.place < last && !ids.contains(record.entry.id) {
                let isOpen = record.state == .waiting || record.state == .paused
                if isOpen, !stuck.contains(record.entry.id) {
                    problems.append("\(ids) overtake \(record.entry.id)")
                }
            }
        }
        for item in batch.items {
            guard let record = model.records[item.entry.id],
                record.state == .waiting || record.state == .paused
            else {
                problems.append("\(item.entry.id) is not open")
                continue
            }
            if record.entry.sfid != item.entry.sfid { problems.append("record of \(item.entry.id)") }
            for blocker in model.blockers(of: record) {
                problems.append("\(item.entry.id) overtakes \(blocker.entry.id) (\(blocker.state))")
            }
        }
        for id in ids {
            model.records[id]?.state = .running
        }
    }

    /// If nothing runs and nothing can be sent, all entries wait for a person, a look-up or a pause.
    private mutating func checkStuck() {
        guard !isMerged, queue.nextTime == nil else { return }
        let stuck = model.stuck()
        for record in model.records.values where record.state == .waiting && !stuck.contains(record.entry.id)
        {
            problems.append("\(record.entry.id) is not sent")
        }
    }
}

// MARK: - Ends

extension RandomWrites {
    private mutating func endOne() {
        guard !running.isEmpty else { return }
        let item = running.remove(at: Int.random(in: 0..<running.count, using: &random))
        let chance = Int.random(in: 0..<100, using: &random)
        switch isCalm ? 0 : chance {
        case 0..<70: write(item)
        case 70..<78: fail(item)
        case 78..<88:
            model.records[item.entry.id]?.state = .paused
            let pause = Duration.milliseconds(Int.random(in: 0...200, using: &random))
            queue.end(item.entry.id, as: .retry(after: pause, nil), now: now)
        case 88..<96:
            model.records[item.entry.id]?.state = .doubtful
            queue.end(item.entry.id, as: .doubtful, now: now)
            doubtful.append(item)
        default:
            queue.forget([item.entry.id])
            // The log is read by id.
            for id in ([item.entry.id] + item.merged).sorted() {
                model.records[id] = nil
                if let entry = log[id], !ended.contains(id) { add(entry) }
            }
        }
    }

    private mutating func write(_ item: WriteBatch.Item) {
        let entry = item.entry
        let sfid = entry.sfid ?? found(entry) ?? QueueScene.sfid(1_000 + entry.recordID)
        if entry.action == .delete {
            org[sfid] = nil
        } else {
            org[sfid, default: [:]].merge(entry.values) { $1 }
        }
        if let index = rows.firstIndex(where: { $0.table == entry.table && $0.id == entry.recordID }) {
            rows[index].sfid = sfid
        }
        if !item.isPartial { ended.formUnion([entry.id] + item.merged) }
        queue.end(entry.id, as: .written(sfid: sfid, leftOut: []), now: now)
        model.records[entry.id] = nil
        if entry.sfid == nil { model.learn(sfid, entry) }
        let created = WriteQueueModel.Uses(entry).creates
        for (id, record) in model.records where record.state == .failed {
            // The key exists, so the failed insert blocks only its row.
            for column in Self.keys.values where record.entry.values[column] != nil {
                if !record.uses.creates.isDisjoint(with: created) {
                    model.records[id]?.entry.values[column] = nil
                }
            }
        }
    }

    /// An upsert finds the record with the key.
    private func found(_ entry: LogEntry) -> String? {
        guard let column = Self.keys[entry.table],
            let key = WriteQueueModel.Uses.key(entry.values[column])
                ?? WriteQueueModel.Uses.key(entry.old[column])
        else { return nil }
        return org.first { WriteQueueModel.Uses.key($0.value[column]) == key }?.key
    }

    private mutating func fail(_ item: WriteBatch.Item) {
        refused.insert(item.entry.recordID)
        let isInsert = item.entry.action == .insert && item.entry.sfid == nil
        ended.formUnion([item.entry.id] + item.merged)
        let deletion = model.records.values.first {
            WriteQueueModel.isSameRow($0.entry, item.entry) && $0.entry.action == .delete
                && $0.entry.sfid == nil
        }
        if isInsert, deletion == nil {
            model.records[item.entry.id]?.state = .failed
        } else {
            model.records[item.entry.id] = nil
        }
        queue.end(item.entry.id, as: .failed(WriteProblem("X", "x")), now: now)
    }

    private mutating func takeIgnored() {
        for entry in queue.takeIgnored() {
            let hasRow = rows.contains { $0.table == entry.table && $0.id == entry.recordID }
            if hasRow { problems.append("\(entry.id) is ignored, but its row exists") }
            ended.insert(entry.id)
            model.records[entry.id] = nil
            if entry.action == .delete {
                let failed = model.records.filter {
                    $0.value.state == .failed && WriteQueueModel.isSameRow($0.value.entry, entry)
                }
                for id in failed.keys { model.records[id] = nil }
            }
            queue.end(entry.id, as: .ignored, now: now)
        }
    }

    /// Commits everything, settles doubtful entries, retries failed ones and lets stranded ones have records.
    private mutating func finishOpen() {
        while !uncommitted.isEmpty { commit() }
        now += .milliseconds(100)
        for item in doubtful {
            if Bool.random(using: &random) {
                write(item)
            } else {
                model.records[item.entry.id]?.state = .paused
                queue.end(item.entry.id, as: .retry(after: .zero, nil), now: now)
            }
        }
        doubtful = []
        for slot in queue.slots where slot.state == .failed {
            if let entry = log[slot.entry.id] { add(entry) }
        }
        for id in queue.stranded {
            guard var entry = log[id] else { continue }
            let sfid = QueueScene.sfid(1_000 + entry.recordID)
            entry.sfid = sfid
            queue.add([entry])
            model.learn(sfid, entry)
        }
    }

    /// After all, each record has the values of its row.
    private mutating func compareOrg() {
        for row in rows where !refused.contains(row.id) {
            // An upsert may have found the record of another row that had the key.
            let isShared = rows.contains { $0.id != row.id && $0.sfid == row.sfid }
            if isShared || row.sfid.map({ $0 != QueueScene.sfid(1_000 + row.id) }) ?? false { continue }
            guard let sfid = row.sfid, let record = org[sfid] else {
                problems.append("row \(row.id) is not in the org")
                continue
            }
            for (column, value) in row.values where record[column] ?? nil != value {
                problems.append("row \(row.id): \(column)")
            }
        }
    }
}

import Replication
import Testing

/// A queue with its clock, tables and short names for entries.
struct QueueScene {
    static let tables = [
        WriteTable(name: "account", upsertColumn: "ext__c", lookups: ["parentid"]),
        WriteTable(
            name: "contact", lookups: ["accountid", "reportsto"],
            parents: [
                WriteTable.Parent(column: "account__ext__c", tables: ["account"], keyColumn: "ext__c")
            ]),
        WriteTable(
            name: "site__c", upsertColumn: "code__c",
            parents: [
                WriteTable.Parent(column: "parent__code__c", tables: ["site__c"], keyColumn: "code__c")
            ]),
        WriteTable(name: "task"),
    ]

    var queue: WriteQueue
    var now = ContinuousClock.now
    let start = ContinuousClock.now
    private var lastID = 0

    init(tables: [WriteTable] = Self.tables, _ change: (inout WriteQueue.Settings) -> Void = { _ in }) {
        var settings = WriteQueue.Settings()
        change(&settings)
        queue = WriteQueue(settings, tables: tables)
    }

    /// A record id for a number.
    static func sfid(_ number: Int) -> String {
        let digits = String(number)
        return "001" + String(repeating: "0", count: 12 - digits.count) + digits + "AAA"
    }

    @discardableResult
    mutating func insert(
        _ table: String, _ row: Int, _ values: [String: String?] = ["name": "a"], id: Int? = nil,
        sfid: String? = nil
    ) -> Int {
        add(LogEntry(id: next(id), action: .insert, table: table, recordID: row, sfid: sfid, values: values))
    }

    @discardableResult
    mutating func update(
        _ table: String, _ row: Int, _ values: [String: String?] = ["name": "b"],
        old: [String: String?] = [:],
        sfid: String? = nil, id: Int? = nil
    ) -> Int {
        add(
            LogEntry(
                id: next(id), action: .update, table: table, recordID: row, sfid: sfid, values: values,
                old: old))
    }

    @discardableResult
    mutating func delete(
        _ table: String, _ row: Int, old: [String: String?] = [:], sfid: String? = nil, id: Int? = nil
    ) -> Int {
        add(LogEntry(id: next(id), action: .delete, table: table, recordID: row, sfid: sfid, old: old))
    }

    private mutating func next(_ id: Int?) -> Int {
        lastID = max(lastID, (id ?? lastID + 1))
        return id ?? lastID
    }

    private mutating func add(_ entry: LogEntry) -> Int {
        queue.add([entry])
        return entry.id
    }

    /// The ids of the next batch.
    mutating func send() -> [Int]? { queue.next(now: now)?.items.map(\.entry.id) }

    /// The ids of all batches that can be sent now.
    mutating func sendAll() -> [[Int]] {
        var batches: [[Int]] = []
        while let batch = send() { batches.append(batch) }
        return batches
    }

    mutating func written(_ ids: Int..., sfid: String? = nil) {
        for id in ids {
            queue.end(id, as: .written(sfid: sfid ?? Self.sfid(1_000 + id), leftOut: []), now: now)
        }
    }

    mutating func fail(_ id: Int) {
        queue.end(id, as: .failed(WriteProblem("REQUIRED_FIELD_MISSING", "x")), now: now)
    }

    mutating func retry(_ id: Int, after pause: Duration) {
        queue.end(id, as: .retry(after: pause, nil), now: now)
    }

    mutating func doubt(_ id: Int) { queue.end(id, as: .doubtful, now: now) }

    mutating func ignored() -> [Int] { queue.takeIgnored().map(\.id) }
}

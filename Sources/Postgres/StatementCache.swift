/// Decides which statements of one connection are prepared. Pure: it returns the actions.
struct StatementCache {
    /// A text with the declared types of its parameters.
    struct Key: Hashable {
        let text: String
        let types: [UInt32]
    }

    enum Plan: Equatable {
        /// Send it as it is.
        case once
        /// Prepare it under this name, then execute.
        case prepare(String)
        /// Execute what is prepared.
        case prepared(String)
    }

    private struct Entry {
        var name: String?
        var uses = 0
        var lastUse = 0
    }

    private var entries: [Key: Entry] = [:]
    private var preparedCount = 0
    private var clock = 0
    private var nextName = 0
    /// Prepared on the server but unusable: to be deallocated before the next one is prepared.
    private(set) var retired: [String] = []

    /// Statements known, prepared or not.
    var count: Int { entries.count }

    mutating func plan(for key: Key) -> Plan {
        clock += 1
        var entry = entries[key] ?? Entry()
        entry.uses += 1
        entry.lastUse = clock
        entries[key] = entry
        if let name = entry.name { return .prepared(name) }
        if entries.count > PostgresLimits.seenStatements { forgetSeen() }
        guard entry.uses >= PostgresLimits.preparesAtUse else { return .once }
        if preparedCount >= PostgresLimits.preparedStatements { retireOldest() }
        nextName += 1
        return .prepare("s\(nextName)")
    }

    /// The server has prepared it.
    mutating func prepared(_ key: Key, as name: String) {
        entries[key, default: Entry(lastUse: clock)].name = name
        preparedCount += 1
    }

    /// The server cannot use it any more, for example because a table changed.
    mutating func discard(_ key: Key) {
        guard let name = entries.removeValue(forKey: key)?.name else { return }
        preparedCount -= 1
        retired.append(name)
    }

    /// The server has dropped all of them (`discard all`, `deallocate all`).
    mutating func clear() {
        entries.removeAll()
        retired.removeAll()
        preparedCount = 0
    }

    mutating func takeRetired() -> [String] {
        defer { retired.removeAll() }
        return retired
    }

    private mutating func retireOldest() {
        let prepared = entries.filter { $0.value.name != nil }
        guard let oldest = prepared.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
        discard(oldest.key)
    }

    /// Drops the older half of the statements that were seen but never prepared, so that this is rare.
    private mutating func forgetSeen() {
        let seen = entries.filter { $0.value.name == nil }.sorted { $0.value.lastUse < $1.value.lastUse }
        for (key, _) in seen.prefix(max(1, seen.count / 2)) { entries[key] = nil }
    }
}

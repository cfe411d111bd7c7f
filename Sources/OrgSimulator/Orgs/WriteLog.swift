/// The API writes of an org in the order of their commits.
struct WriteLog: Sendable {
    struct Entry: Sendable {
        /// Counted from 1 in each org.
        let serial: Int
        let write: RowWrite
        let id: OrgRecordID
        let commit: Commit
    }

    /// Oldest first.
    private(set) var entries: [Entry] = []
    private(set) var serial = 0
    private let maximum: Int
    var isOn: Bool

    /// - Parameter maximum: at least this many entries are kept.
    init(maximum: Int, isOn: Bool) {
        self.maximum = maximum
        self.isOn = isOn
    }

    mutating func forget() { entries = [] }

    /// Records a write of a call. Writes of the UI have no origin.
    mutating func add(_ write: RowWrite, _ id: OrgRecordID, _ commit: Commit) {
        guard isOn, !commit.origin.isEmpty else { return }
        serial += 1
        entries.append(Entry(serial: serial, write: write, id: id, commit: commit))
        if entries.count > 2 * maximum { entries.removeFirst(entries.count - maximum) }
    }
}

package import FoundationEssentials

/// Decides what became of an attempt without an answer, by what the org has now.
///
/// An entry without a verdict is looked up again later. A row is only sent again if the request can no longer
/// run, and if it certainly did not write the row, or if a repetition does no harm.
package struct SettlementRule: Sendable {
    /// What became of an entry.
    package enum Verdict: Sendable, Equatable {
        /// The record has the change.
        case written(sfid: String?)
        /// The change was not carried out, or can be repeated without harm: send it again.
        case absent
        /// A Bulk job's own result.
        case refused(WriteProblem)
        /// A person must decide.
        case undecided
    }

    /// A row of the attempt.
    package struct Item: Sendable, Equatable {
        package var entryID: Int
        /// The record of the row, if it has one now.
        package var sfid: String?
        /// The value of the upsert field.
        package var key: String?

        package init(entryID: Int, sfid: String? = nil, key: String? = nil) {
            self.entryID = entryID
            self.sfid = sfid
            self.key = key
        }
    }

    /// A record that the attempt may have written.
    package struct Candidate: Sendable, Equatable {
        package var sfid: String
        /// True if an event says that the attempt created it.
        package var isTagged: Bool
        /// The entries whose sent values it has.
        package var matches: Set<Int>
        package var key: String?
        /// Salesforce's clock. Nil if unknown.
        package var modifiedAt: Date?
        package var isModifiedByUs: Bool
        /// True if our user created it while the request could run, and it belongs to no other row.
        package var isCreatedByUs = false

        package init(
            _ sfid: String, isTagged: Bool = false, matches: Set<Int> = [], key: String? = nil,
            modifiedAt: Date? = nil, isModifiedByUs: Bool = false
        ) {
            self.sfid = sfid
            self.isTagged = isTagged
            self.matches = matches
            self.key = key
            self.modifiedAt = modifiedAt
            self.isModifiedByUs = isModifiedByUs
        }
    }

    /// The result of the look-up.
    package struct Facts: Sendable, Equatable {
        package var items: [Item]
        /// Without records that belong to other rows.
        package var candidates: [Candidate]
        /// Records of upserts that the request can have created, and that were deleted since.
        package var deleted: [Candidate] = []
        /// Records that events of the attempt name, those of other rows included.
        package var tagged = 0
        /// True if no record can be missing among the candidates.
        package var isComplete: Bool
        /// True if the request cannot run any more.
        package var isOver: Bool
        /// True if other inserts of that time are open: candidates may be theirs.
        package var othersOpen = false

        package init(
            items: [Item], candidates: [Candidate], isComplete: Bool = true, isOver: Bool = true
        ) {
            self.items = items
            self.candidates = candidates
            self.isComplete = isComplete
            self.isOver = isOver
        }
    }

    package var action: WriteAttempt.Action
    /// Whether Salesforce keeps the values of the upsert field unique.
    package var isKeyUnique: Bool
    /// The cell's clock before the request was sent.
    package var sentAt: Date
    /// The most by which the cell's clock and Salesforce's differ.
    package var margin: Double

    package init(
        _ action: WriteAttempt.Action, isKeyUnique: Bool = false, sentAt: Date,
        margin: Double = ReplicationLimits.clockMargin
    ) {
        self.action = action
        self.isKeyUnique = isKeyUnique
        self.sentAt = sentAt
        self.margin = margin
    }

    /// The verdict on each entry that can be decided now.
    package func verdicts(_ facts: Facts) -> [Int: Verdict] {
        if action == .insert { return inserted(facts) }
        guard facts.isOver else { return [:] }
        var verdicts: [Int: Verdict] = [:]
        for item in facts.items {
            verdicts[item.entryID] =
                switch action {
                case .update: updated(item, facts.candidates.first { $0.sfid == item.sfid })
                case .delete: deleted(item, facts)
                case .upsert: upserted(item, Self.records(with: item.key, among: facts.candidates), facts)
                case .insert: nil
                }
        }
        return verdicts
    }

    private func deleted(_ item: Item, _ facts: Facts) -> Verdict {
        // A deletion of a hidden record is sent again: the answer then says more.
        let isGone = facts.isComplete && !facts.candidates.contains { $0.sfid == item.sfid }
        return isGone ? .written(sfid: item.sfid) : .absent
    }

    /// A record that is gone refuses the update when it is sent again.
    private func updated(_ item: Item, _ record: Candidate?) -> Verdict {
        guard let record else { return .absent }
        if record.matches.contains(item.entryID) { return .written(sfid: record.sfid) }
        guard let time = record.modifiedAt else { return .undecided }
        if time < sentAt - margin { return .absent }
        // Another user may have replaced the sent values, and sending them again would replace the user's.
        guard record.isModifiedByUs else { return .undecided }
        // A flow changed the sent values. If the change may be ours from before, repeating it does no harm.
        return time > sentAt + margin ? .written(sfid: record.sfid) : .absent
    }

    private func upserted(_ item: Item, _ records: [Candidate], _ facts: Facts) -> Verdict {
        let equal = records.filter { $0.matches.contains(item.entryID) }
        if let record = equal.first, isKeyUnique || equal.count == 1 { return .written(sfid: record.sfid) }
        // A user has changed it since. A repetition would replace the change, or undo a later deletion.
        if isKeyUnique, records.count == 1, records[0].isCreatedByUs {
            return .written(sfid: records[0].sfid)
        }
        if records.isEmpty, let record = Self.records(with: item.key, among: facts.deleted).first {
            // A repetition would undo the deletion.
            return .written(sfid: record.sfid)
        }
        if isKeyUnique {
            guard let record = records.first, records.count == 1,
                case .written = updated(item, record)
            else { return .absent }
            return .written(sfid: record.sfid)
        }
        switch records.count {
        case 0: return facts.isComplete ? .absent : .undecided
        case 1: return updated(item, records[0])
        default: return .undecided
        }
    }

    /// Salesforce compares keys without case, unless the field is unique with case.
    private static func records(with key: String?, among candidates: [Candidate]) -> [Candidate] {
        guard let key else { return [] }
        let exact = candidates.filter { $0.key == key }
        return exact.isEmpty
            ? candidates.filter { $0.key?.lowercased() == key.lowercased() } : exact
    }
}

// Inserts.
extension SettlementRule {
    private func inserted(_ facts: Facts) -> [Int: Verdict] {
        var verdicts: [Int: Verdict] = [:]
        for item in facts.items {
            if let sfid = item.sfid { verdicts[item.entryID] = .written(sfid: sfid) }
        }
        let open = facts.items.filter { $0.sfid == nil }
        // The records that events name come first. Before the end of the request nothing else is a proof.
        let candidates =
            facts.candidates.filter(\.isTagged)
            + (facts.isOver ? facts.candidates.filter { !$0.isTagged } : [])
        let records = Self.assign(candidates, to: open)
        for (entry, place) in records {
            verdicts[entry] = .written(sfid: candidates[place].sfid)
        }
        let missing = open.filter { records[$0.entryID] == nil }
        guard !missing.isEmpty else { return verdicts }
        // The only record of a request with one row is that of the row, whatever values a flow gave it.
        if facts.items.count == 1, facts.tagged == 1, let record = candidates.first, record.isTagged {
            return [missing[0].entryID: .written(sfid: record.sfid)]
        }
        guard facts.isOver else { return verdicts }
        let others = facts.candidates.count - records.count
        if others > 0, facts.othersOpen { return verdicts }
        for item in missing {
            verdicts[item.entryID] = others == 0 && facts.isComplete ? .absent : .undecided
        }
        return verdicts
    }

    /// Gives as many entries as possible a record of their values, and no record to two entries. Rows with
    /// equal values can have each other's record. Returns places in `candidates` by entry.
    private static func assign(_ candidates: [Candidate], to items: [Item]) -> [Int: Int] {
        let entries = Set(items.map(\.entryID))
        var records: [Int: Int] = [:]
        for place in candidates.indices {
            var visited: Set<Int> = []
            _ = find(place, candidates, entries, &records, &visited)
        }
        return records
    }

    /// Finds an entry for a record, and moves the records of other entries for it if necessary.
    private static func find(
        _ place: Int, _ candidates: [Candidate], _ entries: Set<Int>, _ records: inout [Int: Int],
        _ visited: inout Set<Int>
    ) -> Bool {
        let wanted = candidates[place].matches.intersection(entries).sorted()
        if let free = wanted.first(where: { records[$0] == nil }) {
            records[free] = place
            return true
        }
        for entry in wanted where visited.insert(entry).inserted {
            guard let other = records[entry],
                find(other, candidates, entries, &records, &visited)
            else { continue }
            records[entry] = place
            return true
        }
        return false
    }
}

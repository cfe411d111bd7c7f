internal import Encoding
internal import FoundationEssentials
package import Postgres
package import Salesforce
internal import TenantSchema

/// Looks up what became of attempts without an answer.
package struct Settler: Sendable {
    /// A row of an attempt, as it was sent.
    package typealias SentRow = (entry: LogEntry, record: PreparedRecord)

    let table: SyncedTable
    let layout: WriteLayout
    let rest: RESTClient
    let cell: PostgresPool
    /// The users whose credentials may have sent the writes: 18 characters each.
    let users: [String]
    /// True if the present user sees all records.
    let seesAll: @Sendable () async throws -> Bool

    package init(
        _ table: SyncedTable, _ layout: WriteLayout, rest: RESTClient, cell: PostgresPool,
        users: [SalesforceID], seesAll: @escaping @Sendable () async throws -> Bool
    ) {
        self.table = table
        self.layout = layout
        self.rest = rest
        self.cell = cell
        self.users = users.map(\.text)
        self.seesAll = seesAll
    }

    private var store: SettlementStore { SettlementStore(table: table) }

    /// What the cell knows.
    private struct Known {
        var now: Date
        var created: [RecordChange] = []
        var ofOthers: Set<String> = []
        var othersOpen = false
        var records: [Int: String] = [:]
    }

    /// The verdicts on rows of an attempt. A row without a verdict is looked up again later. An error of the
    /// look-up is thrown and decides nothing.
    ///
    /// - Parameter looks: earlier look-ups after the request could not run any more.
    package func settle(
        _ attempt: WriteAttempt, _ rows: [SentRow], looks: Int = 0
    ) async throws -> [Int: SettlementRule.Verdict] {
        guard !rows.isEmpty else { return [:] }
        if attempt.method == .bulk, let verdicts = try await bulkVerdicts(attempt, rows) { return verdicts }
        let known = try await read(attempt, rows, looks)
        let isOver = known.now >= attempt.settleAt || PlantedFault.immediateResend.isPlanted
        if isOver, PlantedFault.skippedLookup.isPlanted {
            return Self.absent(rows)
        }
        var facts = SettlementRule.Facts(
            items: rows.map { entry, record in
                .init(
                    entryID: entry.id, sfid: record.sfid ?? known.records[entry.recordID], key: record.key)
            }, candidates: [], isOver: isOver)
        switch attempt.action {
        case .insert: try await findCreated(by: attempt, rows, known, &facts)
        case .update, .delete: if isOver { try await findByID(attempt.action, rows, &facts) }
        case .upsert:
            if isOver {
                try await findByKey(by: attempt, rows, &facts)
                try await findDeleted(by: attempt, rows, &facts)
            }
        }
        return SettlementRule(
            attempt.action, isKeyUnique: layout.isUpsertKeyUnique, sentAt: attempt.sentAt
        ).verdicts(facts)
    }

    /// Nil if the job's results are gone: then the records tell.
    private func bulkVerdicts(
        _ attempt: WriteAttempt, _ rows: [SentRow]
    ) async throws -> [Int: SettlementRule.Verdict]? {
        guard let id = attempt.bulkJobID else {
            // Its data is sent after its id is recorded.
            return Self.absent(rows)
        }
        let settlement = BulkSettlement(bulk: BulkIngest(rest), keyField: layout.upsertField)
        do {
            return try await settlement.verdicts(of: try SalesforceID(id), rows.map(\.record))
        } catch let error as SalesforceError where error.code == .notFound {
            return nil
        }
    }

    private static func absent(_ rows: [SentRow]) -> [Int: SettlementRule.Verdict] {
        var verdicts: [Int: SettlementRule.Verdict] = [:]
        for row in rows { verdicts[row.entry.id] = .absent }
        return verdicts
    }

    private func read(_ attempt: WriteAttempt, _ rows: [SentRow], _ looks: Int) async throws -> Known {
        try await cell.withCellConnection { connection in
            var known = Known(now: try await RunningReadStore().clock(on: connection))
            guard attempt.action == .insert else { return known }
            known.created = try await HeldChangeStore().created(
                by: attempt.id, of: attempt.mappingID, on: connection)
            known.ofOthers = try await store.createdByOthers(than: attempt.id, on: connection)
            known.othersOpen = try await store.hasOpenInserts(
                besides: attempt, until: attempt.settleAt + 2 * ReplicationLimits.clockMargin,
                includesOld: looks < ReplicationLimits.othersLooks, on: connection)
            known.records = try await store.records(of: rows.map(\.entry.recordID), on: connection)
            return known
        }
    }
}

// Inserts.
extension Settler {
    private func findCreated(
        by attempt: WriteAttempt, _ rows: [SentRow], _ known: Known, _ facts: inout SettlementRule.Facts
    ) async throws {
        let created = Dictionary(known.created.map { ($0.sfid, $0) }, uniquingKeysWith: { first, _ in first })
        let taken = try await ofOtherRows(Array(created.keys), attempt).union(known.records.values)
        facts.tagged = created.count
        facts.othersOpen = known.othersOpen
        let columns = Dictionary(
            table.plan.columns.map { ($0.source.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
        for (sfid, change) in created where !taken.contains(sfid) {
            facts.candidates.append(
                SettlementRule.Candidate(
                    sfid, isTagged: true,
                    matches: matches(rows) { field in
                        columns[field.lowercased()].map { Self.value($0, of: change) }
                    }))
        }
        // Without the proof of events, only a finished request is looked up.
        guard facts.isOver else { return }
        let early = SettlementRule(.insert, sentAt: attempt.sentAt).verdicts(facts)
        if early.count == rows.count, early.values.allSatisfy({ $0.isWritten }) { return }
        let found = try await unclaimed(
            attempt, rows, without: known.ofOthers.union(created.keys).union(known.records.values))
        facts.isComplete = found.isComplete ? try await seesAll() : false
        for record in found.records {
            guard let id = record["Id"]?.string else { continue }
            facts.candidates.append(
                SettlementRule.Candidate(
                    id, matches: matches(rows) { ColumnText.value(at: $0, of: record) ?? .null }))
        }
    }

    /// The value of an event's column as JSON. Nil of an event is null: it leaves out empty fields.
    private static func value(_ column: TablePlan.Column, of change: RecordChange) -> JSONValue {
        guard let text = change.cells[column.name] ?? nil else { return .null }
        return column.type == .boolean ? .bool(text == "true") : .string(text)
    }

    /// Chooses records that the users created while the request could run.
    private func created(by attempt: WriteAttempt) -> [SOQL.Condition] {
        let margin = ReplicationLimits.clockMargin
        return [
            .isIn("CreatedById", users.map { .string($0) }),
            .compare("CreatedDate", .greaterOrEqual, .moment(attempt.sentAt - margin)),
            .compare("CreatedDate", .lessOrEqual, .moment(attempt.settleAt + margin)),
        ]
    }

    /// Records that the users created while the request could run, and that belong to no row.
    private func unclaimed(
        _ attempt: WriteAttempt, _ rows: [SentRow], without others: Set<String>
    ) async throws -> (records: [JSONValue], isComplete: Bool) {
        let query = try SOQL.select(["Id"], from: layout.object).where(.all(created(by: attempt)))
        var ids: [String] = []
        var seen = 0
        var isComplete = true
        do {
            // A record that was deleted meanwhile was created too.
            var page = try await rest.query(query, isAll: true)
            while true {
                let found = page.records.compactMap { $0["Id"]?.string }.filter { !others.contains($0) }
                let taken = try await ofOtherRows(found, attempt)
                ids += found.filter { !taken.contains($0) }
                seen += page.records.count
                guard let next = page.next else { break }
                guard seen < ReplicationLimits.settlementRecords,
                    ids.count < ReplicationLimits.settlementCandidates
                else {
                    isComplete = false
                    break
                }
                page = try await rest.page(after: next)
            }
        } catch let error as SalesforceError where error.code == .invalidField {
            // An object that does not say who created its records.
            return ([], false)
        }
        let records = try await rest.records(ids, fields: fields(of: rows), of: layout.object, isAll: true)
        return (records, isComplete && records.count == ids.count)
    }

    /// A field of a lookup with several kinds of parents cannot be selected by the kind.
    private static func isSelectable(_ field: String) -> Bool { !field.utf8.contains(UInt8(ascii: ":")) }

    /// The entries whose sent values are these. Fields that cannot be compared are left out; without any
    /// other field there is no match.
    private func matches(_ rows: [SentRow], _ value: (String) -> JSONValue?) -> Set<Int> {
        var matches: Set<Int> = []
        for (entry, record) in rows {
            var compared = 0
            let isEqual = record.fields.allSatisfy { field, sent in
                guard layout.comparableFields.contains(field), Self.isSelectable(field),
                    let answer = value(field)
                else { return true }
                compared += 1
                return sent.equals(answer)
            }
            if isEqual, compared > 0 { matches.insert(entry.id) }
        }
        return matches
    }

    private func ofOtherRows(_ ids: [String], _ attempt: WriteAttempt) async throws -> Set<String> {
        guard !ids.isEmpty else { return [] }
        return try await cell.withCellConnection { try await store.known(ids, besides: attempt, on: $0) }
    }
}

// Updates, upserts and deletions.
extension Settler {
    private func findByID(
        _ action: WriteAttempt.Action, _ rows: [SentRow], _ facts: inout SettlementRule.Facts
    ) async throws {
        let ids = rows.compactMap(\.record.sfid)
        guard action == .update else {
            // Without the recycle bin.
            let records = try await rest.records(ids, fields: ["Id"], of: layout.object)
            facts.candidates = records.compactMap { $0["Id"]?.string }.map { .init($0) }
            facts.isComplete = facts.candidates.count == rows.count ? true : try await seesAll()
            return
        }
        let records = try await withModification(fields(of: rows)) {
            try await rest.records(ids, fields: $0, of: layout.object)
        }
        facts.candidates = records.compactMap { candidate($0, rows) }
    }

    private func findByKey(
        by attempt: WriteAttempt, _ rows: [SentRow], _ facts: inout SettlementRule.Facts
    ) async throws {
        guard let field = layout.upsertField else { return facts.isComplete = false }
        for (part, condition) in keyed(rows, field) {
            let records = try await withCreation(fields(of: part) + [field]) { fields in
                var records: [JSONValue] = []
                let query = try SOQL.select(fields.uniqued(), from: layout.object).where(condition)
                try await rest.forEachPage(of: query) { records += $0.records }
                return records
            }
            let created = records.filter { isCreated($0, by: attempt) }.compactMap { $0["Id"]?.string }
            let own = Set(created).subtracting(try await ofOtherRows(created, attempt))
            for record in records {
                guard var found = candidate(record, rows, key: field) else { continue }
                found.isCreatedByUs = own.contains(found.sfid)
                facts.candidates.append(found)
            }
        }
        facts.isComplete = layout.isUpsertKeyUnique ? true : try await seesAll()
    }

    private func isOurs(_ user: String) -> Bool {
        (try? SalesforceID(user)).map { users.contains($0.text) } ?? false
    }

    /// Whether the users created a record while the request could run. False if the object does not say that.
    private func isCreated(_ record: JSONValue, by attempt: WriteAttempt) -> Bool {
        guard let creator = record["CreatedById"]?.string, isOurs(creator),
            let time = record["CreatedDate"]?.string.flatMap(Timestamp.date)
        else { return false }
        let margin = ReplicationLimits.clockMargin
        return time >= attempt.sentAt - margin && time <= attempt.settleAt + margin
    }

    /// Finds records in the recycle bin that the attempt can have created, for the keys that no record has.
    private func findDeleted(
        by attempt: WriteAttempt, _ rows: [SentRow], _ facts: inout SettlementRule.Facts
    ) async throws {
        guard let field = layout.upsertField else { return }
        let keys = Set(facts.candidates.compactMap { $0.key?.lowercased() })
        let missing = rows.filter { row in !keys.contains(row.record.key?.lowercased() ?? "") }
        var found: [SettlementRule.Candidate] = []
        for (_, condition) in keyed(missing, field) {
            let query = try SOQL.select(["Id", field], from: layout.object).where(
                .all([condition, .raw("IsDeleted = true")] + created(by: attempt)))
            do {
                try await rest.forEachPage(of: query, isAll: true) { page in
                    found += page.records.compactMap { candidate($0, [], key: field) }
                }
            } catch let error as SalesforceError where error.code == .invalidField {
                // An object without a recycle bin, or one that does not say who created its records.
                return
            }
        }
        let taken = try await ofOtherRows(found.map(\.sfid), attempt)
        facts.deleted = found.filter { !taken.contains($0.sfid) }
    }

    /// Rows in parts, each with the condition that its records have its keys.
    private func keyed(_ rows: [SentRow], _ field: String) -> [(rows: [SentRow], SOQL.Condition)] {
        let step = ReplicationLimits.settlementKeys
        return stride(from: 0, to: rows.count, by: step).map { first in
            let part = Array(rows[first..<min(first + step, rows.count)])
            let keys = part.compactMap { $0.record.fields.first { $0.name == field }?.value }
            return (part, .raw("\(field) IN (\(keys.map(Self.literal).joined(separator: ",")))"))
        }
    }

    private static func literal(_ key: WriteValue) -> String {
        if case .number(let digits) = key { return digits }
        return SOQL.quoted(key.csv)
    }

    private func candidate(
        _ record: JSONValue, _ rows: [SentRow], key: String? = nil
    ) -> SettlementRule.Candidate? {
        guard let id = record["Id"]?.string else { return nil }
        let value = key.flatMap { record[$0] }
        return SettlementRule.Candidate(
            id, matches: matches(rows) { ColumnText.value(at: $0, of: record) ?? .null },
            key: value.flatMap { value in
                if case .number(let digits) = value { digits } else { value.string }
            },
            modifiedAt: record["SystemModstamp"]?.string.flatMap(Timestamp.date),
            isModifiedByUs: record["LastModifiedById"]?.string.map(isOurs) ?? false)
    }

    private func fields(of rows: [SentRow]) -> [String] {
        let sent = Set(rows.flatMap { $0.record.fields.map(\.name) })
        return ["Id"] + sent.filter { layout.comparableFields.contains($0) && Self.isSelectable($0) }.sorted()
    }

    /// As `withModification`, also with the fields of the creation if the object has them.
    private func withCreation(
        _ fields: [String], _ read: ([String]) async throws -> [JSONValue]
    ) async throws -> [JSONValue] {
        do {
            return try await withModification(fields + ["CreatedById", "CreatedDate"], read)
        } catch let error as SalesforceError where error.code == .invalidField {
            return try await withModification(fields, read)
        }
    }

    /// Reads with the fields of the last modification, or without them if the object lacks one.
    private func withModification(
        _ fields: [String], _ read: ([String]) async throws -> [JSONValue]
    ) async throws -> [JSONValue] {
        do {
            return try await read((fields + ["SystemModstamp", "LastModifiedById"]).uniqued())
        } catch let error as SalesforceError where error.code == .invalidField {
            return try await read(fields.uniqued())
        }
    }
}

extension SettlementRule.Verdict {
    fileprivate var isWritten: Bool {
        if case .written = self { true } else { false }
    }
}

extension [String] {
    /// Without repetitions, in order.
    fileprivate func uniqued() -> [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}

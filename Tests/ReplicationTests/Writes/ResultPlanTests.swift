import Testing

@testable import Replication

/// The decisions about rows and entries after an answer.
struct ResultPlanTests {
    private static let sfid = MergeScene.sfid(1)

    private func item(_ id: Int = 1, merged: [Int] = []) -> WriteBatch.Item {
        WriteBatch.Item(
            LogEntry(id: id, action: .insert, table: "account", recordID: 10), merged: merged)
    }

    private func other(_ action: LogEntry.Action, _ state: LogState = .new) -> ResultPlan.OtherEntry {
        ResultPlan.OtherEntry(id: 5, recordID: 10, action: action, state: state, hasSfid: false)
    }

    private func plan(
        _ action: WriteAttempt.Action, _ row: ResultPlan.CurrentRow?, _ others: [ResultPlan.OtherEntry] = [],
        _ end: WriteEnd
    ) -> ResultPlan {
        var plan = ResultPlan(action, rows: row.map { [10: $0] } ?? [:], others: others)
        plan.add(item(), end)
        return plan
    }

    private let written = WriteEnd.written(sfid: sfid, leftOut: [])
    private let refused = WriteEnd.failed(WriteProblem("X", "y"))
    private let unsent = ResultPlan.CurrentRow(sfid: nil, operation: "PENDING")
    private let known = ResultPlan.CurrentRow(sfid: sfid, operation: "PENDING")

    @Test func `an upsert of a row that has its record is an update`() {
        #expect(plan(.upsert, unsent, [], written).rows.map(\.operation) == ["INSERTED"])
        #expect(plan(.upsert, known, [], written).rows.map(\.operation) == ["UPDATED"])
    }

    @Test func `a row that waits for a later change is written only to get its record`() {
        let inserted = plan(.insert, unsent, [other(.update)], written)
        #expect(inserted.rows.map(\.operation) == ["PENDING"])
        #expect(inserted.rows.map(\.sfid) == [Self.sfid])
        #expect(inserted.adoptions == [ResultPlan.Adoption(id: 5, sfid: Self.sfid)])
        #expect(plan(.update, known, [other(.update)], written).rows == [])
    }

    @Test func `a change that was captured as an insert again does not get the record`() {
        #expect(plan(.insert, unsent, [other(.insert)], written).adoptions == [])
    }

    @Test func `an ignored deletion of a missing row gets the record, an ignored update does not`() {
        #expect(plan(.insert, nil, [other(.delete, .ignore)], written).adoptions.map(\.id) == [5])
        #expect(plan(.insert, nil, [other(.update, .ignore)], written).adoptions == [])
        #expect(plan(.insert, nil, [], written).rows == [])
    }

    @Test func `a refused insert is shown unless the row was captured as an insert again`() {
        #expect(plan(.insert, unsent, [other(.update)], refused).rows.map(\.operation) == ["FAILED"])
        #expect(plan(.insert, unsent, [other(.insert)], refused).rows == [])
        #expect(plan(.update, known, [other(.update)], refused).rows == [])
        #expect(plan(.delete, nil, [], refused).entries.map(\.state) == [.failed])
    }

    @Test func `an entry with nothing to send leaves the row as synced`() {
        let ignored = plan(.update, known, [], .ignored)
        #expect(ignored.rows.map(\.operation) == ["SYNCED"])
        #expect(ignored.entries.map(\.state) == [.ignored])
        #expect(plan(.update, known, [other(.update)], .ignored).rows == [])
    }

    @Test func `merged entries of a refused entry fail with it, and of a written one are merged`() {
        var plan = ResultPlan(.update, rows: [10: known], others: [])
        plan.add(item(3, merged: [1, 2]), refused)
        #expect(plan.entries.map(\.state) == [.failed, .failed, .failed])
        plan = ResultPlan(.update, rows: [10: known], others: [])
        plan.add(item(3, merged: [1, 2]), written)
        #expect(plan.entries.map(\.state) == [.merged, .merged, .success])
        #expect(plan.entries.map(\.id) == [1, 2, 3])
    }

    @Test func `a record that Salesforce has deleted is read again, because its event may be lost`() {
        let gone = WriteEnd.failed(WriteProblem("ENTITY_IS_DELETED", "entity is deleted"))
        #expect(plan(.update, known, [], gone).notTaken == [Self.sfid])
        #expect(plan(.update, known, [], refused).notTaken == [])
        #expect(plan(.insert, unsent, [], gone).notTaken == [])
    }

    @Test func `a doubtful entry stays as it is`() {
        let plan = plan(.insert, unsent, [], .doubtful)
        #expect(plan.entries == [])
        #expect(plan.rows == [])
    }
}

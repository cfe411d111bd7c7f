import Encoding
import Foundation
import Salesforce
import SampleDescribes
import TenantSchema
import Testing

@testable import Replication

/// The translation of change events to changes of tables.
struct EventDecoderTests {
    private static let commit = Date(timeIntervalSince1970: 1_714_557_600)
    private static let id = ChangeScene.sfid(1)

    private func table(_ describe: ObjectDescribe, _ fields: [String], filter: String? = nil) -> SyncedTable {
        let mapping = Mapping(
            id: UUID(), organizationID: UUID(), connectionID: UUID(), objectName: describe.name,
            configuration: MappingConfiguration(access: .readWrite, fields: fields, filter: filter),
            state: .dataSynced)
        return SyncedTable(
            mapping: mapping, schema: "s",
            plan: TablePlan(describe, mapping.configuration, resolver: NameResolver(namespace: nil)))
    }

    private func decoder(filter: String? = nil, paused: [String: String] = [:]) -> EventDecoder {
        let layouts = TableLayouts()
        var account = table(Describes.account, ["Name", "NumberOfEmployees", "Description"], filter: filter)
        account.pausedColumns = paused
        let targets = [account, table(Describes.contact, ["Name", "LastName", "AccountId"])].map { table in
            var table = table
            let layout = layouts.share(&table)
            return EventDecoder.Target(table: table, layout: layout)
        }
        let contact = targets[1].table.mapping.id
        return EventDecoder(
            targets, plan: StreamPlan(stored: ["/data/X"], [contact: .events(channel: "/data/X")]),
            topics: ["Contact": "ContactChanges"])
    }

    private func event(
        _ kind: ChangeEvent.Kind, _ ids: [String] = [id], _ fields: [String: ChangeEvent.Value] = [:],
        of object: String = "Account", schema: String = "s1"
    ) -> StreamMessage {
        .change(
            ChangeEvent(
                entityName: object, recordIDs: ids, kind: kind, commitTimestamp: Self.commit, fields: fields,
                schemaID: schema, replayID: 7), channel: "/data/ChangeEvents")
    }

    private func change(
        _ kind: RecordChange.Kind, _ cells: [String: String?] = [:], diffs: [String: String] = [:],
        id: String = id
    ) -> RecordChange {
        RecordChange(sfid: id, kind: kind, stamp: Self.commit, cells: cells, textDiffs: diffs)
    }

    @Test func `creates, updates, deletes and undeletes become changes of their columns`() {
        let fields: [String: ChangeEvent.Value] = [
            "Name": .value(.string("Acme")), "NumberOfEmployees": .value(.null),
            "Unmapped__c": .value(.bool(true)),
        ]
        let cells: [String: String?] = ["name": "Acme", "numberofemployees": String?.none]
        var live = cells
        live["isdeleted"] = "false"
        let cases: [(ChangeEvent.Kind, RecordChange)] = [
            (.create, change(.upsert, live)), (.undelete, change(.upsert, live)),
            (.update, change(.patch, cells)),
            (.delete, change(.delete)),
        ]
        for (kind, change) in cases {
            var expected = change
            expected.isUndelete = kind == .undelete
            let decoded = decoder().decode([event(kind, [Self.id], fields)])
            #expect(decoded.changes == [0: [expected]])
            #expect(decoded.positions == ["/data/ChangeEvents": .init(replayID: 7, commitAt: Self.commit)])
        }
    }

    @Test func `the name of a new person is put together, and a changed one is read again`() {
        let fields: [String: ChangeEvent.Value] = [
            "LastName": .value(.string("Jones")), "FirstName": .value(.string("Lena")),
            "Suffix": .value(.null),
        ]
        let created = decoder().decode([event(.create, [Self.id], fields, of: "Contact")])
        #expect(created.changes[1]?.first?.cells["name"] == "Lena Jones")
        #expect(created.rereads.isEmpty)
        let changed = decoder().decode([
            event(.update, [Self.id], ["FirstName": .value(.null)], of: "Contact")
        ])
        #expect(changed.rereads == [.init(table: 1, reason: .personName): [Self.id]])
        let other = decoder().decode([event(.update, [Self.id], ["AccountId": .value(.null)], of: "Contact")])
        #expect(other.rereads.isEmpty)
    }

    @Test func `one event may change several records`() {
        let second = ChangeScene.sfid(2)
        let decoded = decoder().decode([event(.update, [Self.id, second], ["Name": .value(.string("x"))])])
        #expect(
            decoded.changes == [
                0: [change(.patch, ["name": "x"]), change(.patch, ["name": "x"], id: second)]
            ])
    }

    @Test func `a difference of a large text is kept apart from values`() {
        let decoded = decoder().decode([event(.update, [Self.id], ["Description": .textDiff("--- ")])])
        #expect(decoded.changes == [0: [change(.patch, diffs: ["description": "--- "])]])
    }

    @Test func `a field that is paused is not written`() {
        let decoded = decoder(paused: ["name": "hidden"]).decode([
            event(.update, [Self.id], ["Name": .value(.null), "NumberOfEmployees": .value(.number("3"))])
        ])
        #expect(decoded.changes == [0: [change(.patch, ["numberofemployees": "3"])]])
    }

    @Test func `gap events read their rows again`() {
        for kind in [ChangeEvent.Kind.gapCreate, .gapUpdate, .gapDelete, .gapUndelete] {
            let decoded = decoder().decode([event(kind)])
            #expect(decoded.rereads == [.init(table: 0, reason: .gap): [Self.id]] && decoded.changes.isEmpty)
        }
    }

    @Test func `an overflow and a wildcard id read the whole object again`() {
        #expect(
            decoder().decode([event(.gapOverflow, ["000000000000000AAA"])]).reloads == [0: "gap_overflow"])
        let wildcard = decoder().decode([event(.update, ["001*"], ["Name": .value(.null)])])
        #expect(wildcard.reloads == [0: "wildcard_id"] && wildcard.changes.isEmpty)
    }

    @Test func `with a row filter the changed ids are read again, and deletes are applied`() {
        let decoder = decoder(filter: "Name != null")
        let updated = decoder.decode([event(.update, [Self.id], ["Name": .value(.string("x"))])])
        #expect(updated.rereads == [.init(table: 0, reason: .filter): [Self.id]] && updated.changes.isEmpty)
        #expect(decoder.decode([event(.delete)]).changes == [0: [change(.delete)]])
    }

    @Test func `children of a deleted record are read again, also if its object has no mapping`() {
        let lead = ChangeScene.sfid(1, "00Q")
        let decoded = decoder().decode([event(.delete), event(.delete, [lead], of: "Lead")])
        #expect(decoded.removed == ["Account": [Self.id], "Lead": [lead]])
        #expect(decoded.counts == ["Account": 1, "Lead": 1])
        #expect(decoder().targets[1].layout.lookups.map(\.column) == ["accountid"])
    }

    @Test func `a PushTopic polls its object early, and a broken message the objects of its channel`() {
        let notified = decoder().decode([
            .notification(sfid: nil, channel: "/topic/ContactChanges", replayID: 3)
        ])
        #expect(notified.earlyPolls == [1] && notified.positions["/topic/ContactChanges"]?.replayID == 3)
        let broken = decoder().decode([.undecodable(reason: "x", channel: "/data/X", replayID: 9)])
        #expect(broken.earlyPolls == [1] && broken.positions["/data/X"]?.replayID == 9)
    }

    @Test func `equal tables of two tenants share one layout`() {
        let layouts = TableLayouts()
        var (first, second) = (table(Describes.account, ["Name"]), table(Describes.account, ["Name"]))
        var third = table(Describes.account, ["Name"], filter: "Name != null")
        let layout = layouts.share(&first)
        #expect(layouts.share(&second) === layout)
        #expect(layouts.share(&third) !== layout)
    }

    @Test func `a new event schema of an object asks for a check of it`() {
        var state = SyncState()
        state.note(decoder().decode([event(.update, schema: "a")]), now: Date())
        #expect(state.suspects.isEmpty)
        state.note(decoder().decode([event(.update, schema: "b")]), now: Date())
        #expect(state.suspects == ["Account"])
    }

    @Test func `a poll that ended while a transaction kept it due is repeated`() {
        let (now, late) = (ContinuousClock.now, ContinuousClock.now + .seconds(60))
        let (covered, open) = (UUID(), UUID())
        var state = SyncState()
        state.catchUps = [covered, open]
        state.pollCatchUps(now: now)
        let kept = state.keepDue()
        let isCovered = state.cover(covered, since: now)
        #expect(Set(kept) == [covered, open] && isCovered)
        for id in [covered, open] { state.due.set(.poll(id), at: late) }
        let isRepeated = state.pollKeptDue(now: now)
        #expect(isRepeated)
        #expect(state.due.time(of: .poll(covered)) == now)
        #expect(state.due.time(of: .poll(open)) == late)
        let keptNext = state.keepDue()
        let isNextRepeated = state.pollKeptDue(now: now)
        #expect(keptNext == [open] && !isNextRepeated)
    }
}

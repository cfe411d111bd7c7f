import Foundation
import Postgres
import Support
import Testing

@testable import Replication

/// Random orders of answers, events, reads and releases.
@Suite(.tags(.store))
struct HeldOrderTests {
    /// A record of the org and its events.
    private struct OrgRecord {
        var sfid: String
        var cells: [String: String?]
        var stamp: Date
    }

    /// One attempt that the org carries out, and which is answered later.
    private final class Trial {
        let scene: MergeScene
        var records: [OrgRecord] = []
        /// Events in the order of the channel.
        var events: [RecordChange] = []
        var delivered = 0
        var answers: [(attempt: WriteAttempt, sfids: [String?])] = []
        var wanted: Set<String> = []
        var random = SystemRandomNumberGenerator()

        init(_ scene: MergeScene) { self.scene = scene }

        private func commit(_ record: OrgRecord, _ event: RecordChange) {
            records.removeAll { $0.sfid == record.sfid }
            records.append(record)
            events.append(event)
        }

        /// Sends rows with few different names: some are equal.
        func send() async throws {
            let names = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                ["A", "B"].randomElement() ?? "A"
            }
            let attempt = try await scene.outgoing.begin(try await scene.outgoing.insert(names))
            var sfids: [String?] = []
            for name in names {
                guard Int.random(in: 0..<5, using: &random) > 0 else {
                    sfids.append(nil)
                    continue
                }
                let record = OrgRecord(
                    sfid: MergeScene.sfid(records.count + 1), cells: ["name": name, "phone": "default"],
                    stamp: OutgoingRows.now)
                sfids.append(record.sfid)
                commit(
                    record,
                    RecordChange(
                        sfid: record.sfid, kind: .upsert, stamp: record.stamp, cells: record.cells,
                        attempt: attempt.id))
            }
            answers.append((attempt, sfids))
        }

        /// Another user creates or changes a record.
        func change() {
            if records.isEmpty || Bool.random(using: &random) {
                let record = OrgRecord(
                    sfid: MergeScene.sfid(records.count + 1), cells: ["name": "A", "phone": "other"],
                    stamp: OutgoingRows.now)
                return commit(
                    record,
                    RecordChange(sfid: record.sfid, kind: .upsert, stamp: record.stamp, cells: record.cells))
            }
            guard var record = records.randomElement(using: &random) else { return }
            record.stamp = OutgoingRows.now
            record.cells["fax"] = .some(String(Int.random(in: 0..<100, using: &random)))
            commit(
                record,
                RecordChange(
                    sfid: record.sfid, kind: .patch, stamp: record.stamp,
                    cells: ["fax": record.cells["fax"] ?? nil]))
        }

        func deliver(_ count: Int) async throws {
            let end = min(events.count, delivered + count)
            guard delivered < end else { return }
            _ = try await scene.merge(Array(events[delivered..<end]))
            delivered = end
        }

        /// Reads all records, or the requested ones.
        func read(_ sfids: Set<String>? = nil) async throws {
            let startedAt = try await scene.pool.withConnection { try await RunningReadStore().clock(on: $0) }
            let changes = records.filter { sfids?.contains($0.sfid) != false }.map { record in
                var cells = record.cells
                cells["systemmodstamp"] = .some(MergeRule.text(record.stamp))
                return RecordChange(sfid: record.sfid, kind: .upsert, stamp: record.stamp, cells: cells)
            }
            _ = try await scene.merge(changes, from: .read(startedAt: startedAt))
        }

        func answer() async throws {
            guard let place = answers.indices.randomElement(using: &random) else { return }
            let (attempt, sfids) = answers.remove(at: place)
            try await scene.outgoing.record(attempt, sfids)
            try await scene.outgoing.release()
        }

        func run() async throws {
            for _ in 0..<12 {
                switch Int.random(in: 0..<6, using: &random) {
                case 0: try await send()
                case 1: change()
                case 2: try await answer()
                case 3: try await read()
                default: try await deliver(Int.random(in: 1...3, using: &random))
                }
            }
            while !answers.isEmpty { try await answer() }
            try await deliver(events.count)
            try await scene.outgoing.release()
            // Reads may be refused because of a recent event: the requested ones come later.
            try await scene.script("delete from multiconnect_sync.recent_changes")
            try await read(Set(try await scene.rereads().keys))
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func `events, answers and reads in any order leave one row of each record`() async throws {
        try await withTables { scene in
            for number in 0..<25 {
                let trial = Trial(scene)
                try await trial.run()
                let rows = try await scene.rows("sfid, name, phone, fax").filter { $0[0] != nil }
                let wanted = trial.records.sorted { $0.sfid < $1.sfid }.map { record -> [String?] in
                    let cells = record.cells
                    return [record.sfid, cells["name"] ?? nil, cells["phone"] ?? nil, cells["fax"] ?? nil]
                }
                #expect(rows == wanted, "trial \(number)")
                #expect(try await scene.outgoing.heldCount() == 0)
                let unsynced = try await scene.rows("sfid, _hc_lastop").filter {
                    $0[0] != nil && $0[1] != "SYNCED"
                }
                #expect(unsynced.isEmpty, "trial \(number)")
                try await scene.script(
                    """
                    delete from account; delete from _trigger_log;
                    delete from multiconnect_sync.rereads; delete from multiconnect_sync.recent_changes;
                    delete from multiconnect_sync.held_changes; delete from multiconnect_sync.write_attempts
                    """)
            }
        }
    }
}

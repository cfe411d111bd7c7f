import Foundation
import Testing

@testable import Replication

private func at(_ seconds: Double) -> Date { Date(timeIntervalSince1970: 1_700_000_000 + seconds) }

/// The decision for one change.
struct MergeRuleTests {
    private typealias Record = MergeRule.Record

    private let rule = MergeRule(stampColumn: nil, margin: .seconds(10))
    private let cells: [String: String?] = ["name": "A", "phone": nil]

    private func decide(
        _ kind: RecordChange.Kind, _ stamp: Double, from source: ChangeSource, on record: MergeRule.Record
    ) -> MergeRule.Decision {
        rule.decide(
            RecordChange(sfid: "1", kind: kind, stamp: at(stamp), cells: kind == .delete ? [:] : cells),
            from: source, on: record)
    }

    private func recent(_ stamp: Double, applied: Double, deletion: Bool = false) -> RecentChange {
        RecentChange(stamp: at(stamp), isDeletion: deletion, appliedAt: at(applied))
    }

    @Test func `an event older than the row is skipped, one of the same time is applied`() {
        let row = Record(exists: true, stamp: at(5))
        #expect(decide(.patch, 4, from: .events, on: row) == .skip)
        #expect(decide(.patch, 5, from: .events, on: row) == .update(cells))
        #expect(decide(.upsert, 6, from: .events, on: row) == .update(cells))
        #expect(decide(.delete, 4, from: .events, on: row) == .skip)
        #expect(decide(.delete, 5, from: .events, on: row) == .delete)
    }

    @Test func `an event older than the last applied change is skipped, even if the row is gone`() {
        let gone = Record(exists: false, recent: recent(5, applied: 6, deletion: true))
        #expect(decide(.upsert, 4, from: .events, on: gone) == .skip)
        #expect(decide(.patch, 4, from: .events, on: gone) == .skip)
        #expect(decide(.upsert, 7, from: .events, on: gone) == .insert(cells))
        #expect(decide(.delete, 7, from: .events, on: gone) == .nothing)
    }

    @Test func `an update of a missing row reads the record again`() {
        let missing = Record(exists: false)
        #expect(decide(.patch, 1, from: .events, on: missing) == .reread(.missingRow))
        #expect(decide(.upsert, 1, from: .events, on: missing) == .insert(cells))
        #expect(decide(.patch, 1, from: .read(startedAt: at(2)), on: missing) == .reread(.missingRow))
    }

    @Test func `a read without a remembered change is applied`() {
        let row = Record(exists: true, stamp: at(50))
        #expect(decide(.upsert, 5, from: .read(startedAt: at(6)), on: row) == .update(cells))
        #expect(decide(.delete, 5, from: .read(startedAt: at(6)), on: row) == .delete)
        #expect(
            decide(.upsert, 5, from: .read(startedAt: at(6)), on: Record(exists: false)) == .insert(cells))
    }

    @Test func `a read that began before an event never overwrites it`() {
        let row = Record(exists: true, stamp: at(5), recent: recent(5, applied: 6))
        let early = ChangeSource.read(startedAt: at(16))
        #expect(decide(.upsert, 5, from: early, on: row) == .conflict(cells))
        #expect(decide(.upsert, 4, from: early, on: row) == .conflict(cells))
        #expect(decide(.upsert, 5.5, from: early, on: row) == .update(cells))
        #expect(decide(.delete, 5, from: early, on: row) == .reread(.conflict))
        #expect(decide(.upsert, 5, from: .read(startedAt: at(16.1)), on: row) == .update(cells))
    }

    @Test func `an older read does not insert a deleted row again`() {
        let gone = Record(exists: false, recent: recent(5, applied: 6, deletion: true))
        #expect(decide(.upsert, 4, from: .read(startedAt: at(5)), on: gone) == .reread(.conflict))
        #expect(decide(.delete, 4, from: .read(startedAt: at(5)), on: gone) == .skip)
        #expect(decide(.upsert, 6, from: .read(startedAt: at(5)), on: gone) == .insert(cells))
    }

    @Test func `unsent local changes keep their columns`() {
        func row(_ local: LocalChange...) -> Record { Record(exists: true, stamp: at(0), local: local) }
        let waiting = row(LocalChange(.waiting, columns: ["name"]))
        #expect(decide(.patch, 5, from: .events, on: waiting) == .update(["phone": nil]))
        #expect(decide(.upsert, 5, from: .read(startedAt: at(9)), on: waiting) == .update(["phone": nil]))
        #expect(decide(.delete, 5, from: .events, on: waiting) == .delete)
    }

    @Test func `a sent change keeps its columns until an event or read newer than the answer`() {
        let sent = Record(
            exists: true, stamp: at(0), local: [LocalChange(.sent(at(5)), columns: ["name", "x"])])
        #expect(decide(.patch, 4, from: .events, on: sent) == .update(["phone": nil]))
        #expect(decide(.patch, 5, from: .events, on: sent) == .update(cells))
        #expect(decide(.upsert, 9, from: .read(startedAt: at(4)), on: sent) == .update(["phone": nil]))
        #expect(decide(.upsert, 3, from: .read(startedAt: at(5)), on: sent) == .update(cells))
    }

    @Test func `the cells that a sent change keeps away may be newer, unless they are our own`() {
        func open(_ local: LocalChange..., attempt: UUID? = nil) -> [String: String?] {
            var change = RecordChange(sfid: "1", kind: .patch, stamp: at(4), cells: cells)
            change.attempt = attempt
            let row = Record(exists: true, stamp: at(0), local: local)
            return rule.cellsInOpenOrder(change, from: .events, on: row)
        }
        let name: [String: String?] = ["name": "A"]
        #expect(open(LocalChange(.sending, columns: ["name", "x"])) == name)
        #expect(open(LocalChange(.sent(at(5)), columns: ["name"])) == name)
        #expect(open(LocalChange(.sent(at(4)), columns: ["name"])) == [:])
        #expect(open(LocalChange(.waiting, columns: ["name"])) == [:])
        #expect(open(LocalChange(.failed(at(5)), columns: ["name"])) == [:])
        // The later local change is sent after both.
        #expect(
            open(LocalChange(.sent(at(5)), columns: ["name"]), LocalChange(.waiting, columns: ["name"]))
                == [:]
        )
        #expect(open(LocalChange(.sending, columns: ["name"]), attempt: UUID()) == [:])
    }

    @Test func `a refused change keeps its columns until Salesforce next changes the record`() {
        let failed = Record(
            exists: true, stamp: at(0), local: [LocalChange(.failed(at(5)), columns: ["name"])])
        #expect(decide(.upsert, 5, from: .read(startedAt: at(99)), on: failed) == .update(["phone": nil]))
        #expect(decide(.upsert, 6, from: .read(startedAt: at(99)), on: failed) == .update(cells))
        #expect(decide(.patch, 6, from: .events, on: failed) == .update(cells))
    }

    @Test func `a local deletion keeps the row away until Salesforce refuses it`() {
        func gone(_ state: LocalChange.State) -> Record {
            Record(exists: false, local: [LocalChange(state, isDeletion: true)])
        }
        let read = ChangeSource.read(startedAt: at(6))
        #expect(decide(.upsert, 5, from: read, on: gone(.waiting)) == .nothing)
        #expect(decide(.patch, 5, from: .events, on: gone(.waiting)) == .nothing)
        #expect(decide(.upsert, 5, from: read, on: gone(.sent(at(7)))) == .nothing)
        #expect(decide(.upsert, 5, from: read, on: gone(.sent(at(6)))) == .insert(cells))
        #expect(decide(.upsert, 5, from: read, on: gone(.failed(at(9)))) == .insert(cells))
    }

    @Test func `events set systemmodstamp to the commit time, partial reads leave it`() {
        let rule = MergeRule()
        let row = Record(exists: true)
        let change = RecordChange(
            sfid: "1", kind: .patch, stamp: at(5.25), cells: ["systemmodstamp": "x", "name": "A"])
        #expect(
            rule.decide(change, from: .events, on: row)
                == .update(["systemmodstamp": "2023-11-14T22:13:25.250Z", "name": "A"]))
        #expect(rule.decide(change, from: .read(startedAt: at(9)), on: row) == .update(["name": "A"]))
    }

    @Test func `an event with the row's stamp is applied, also if the stored stamp was rounded up`() {
        let change = RecordChange(sfid: "1", kind: .patch, stamp: at(5), cells: ["name": "B"])
        let stored = Date(timeIntervalSince1970: at(5).timeIntervalSince1970.nextUp)
        let row = MergeRule.Record(
            exists: true, stamp: stored,
            recent: RecentChange(stamp: stored, isDeletion: false, appliedAt: at(6)))
        guard case .update = MergeRule().decide(change, from: .events, on: row) else {
            Issue.record("the event was skipped")
            return
        }
        let earlier = RecordChange(sfid: "1", kind: .patch, stamp: at(4.999), cells: ["name": "B"])
        #expect(MergeRule().decide(earlier, from: .events, on: row) == .skip)
    }

    @Test(arguments: ["READONLY", "IGNORE", "REQUEUED", ""])
    func `a log entry in another state protects nothing`(_ state: String) {
        #expect(LocalChange.state(state, processedAt: at(0)) == nil)
    }

    @Test func `the keys of an hstore are read with their escapes`() {
        #expect(
            HStore.keys(of: #""a"=>"1, \"x\"=>2", "b\"c\\"=>NULL, "d"=>"""#) == ["a", #"b"c\"#, "d"])
        #expect(HStore.keys(of: "") == [])
    }

    @Test func `whole numbers lose their fraction of zeros`() {
        #expect(RowMerger.whole("100.0") == "100")
        #expect(RowMerger.whole("-3.") == "-3")
        #expect(RowMerger.whole("1.5") == nil)
        #expect(RowMerger.whole(".0") == nil)
        #expect(RowMerger.whole("7") == nil)
    }
}

/// Several changes of one record.
struct ChangeFoldTests {
    private let rule = MergeRule(stampColumn: nil, margin: .seconds(10))

    private func fold(
        _ record: MergeRule.Record, texts: [String: String] = [:], _ changes: [RecordChange]
    ) -> ChangeFold {
        var fold = ChangeFold(record, texts: texts)
        for change in changes {
            fold.add(change, from: .events, rule, now: at(100)) { old, difference in
                difference == "bad" ? nil : old + difference
            }
        }
        return fold
    }

    private func change(
        _ kind: RecordChange.Kind, _ stamp: Double, _ cells: [String: String?] = [:],
        diffs: [String: String] = [:]
    ) -> RecordChange {
        RecordChange(sfid: "1", kind: kind, stamp: at(stamp), cells: cells, textDiffs: diffs)
    }

    @Test func `changes of one record become one write`() {
        let missing = MergeRule.Record(exists: false)
        let row = MergeRule.Record(exists: true, stamp: at(0))
        #expect(
            fold(missing, [change(.upsert, 1, ["a": "1"]), change(.patch, 2, ["b": "2"])]).write
                == .insert(["a": "1", "b": "2"]))
        #expect(fold(missing, [change(.upsert, 1, ["a": "1"]), change(.delete, 2)]).write == .nothing)
        #expect(
            fold(row, [change(.patch, 2, ["a": "1"]), change(.patch, 1, ["a": "0"])]).write
                == .update(["a": "1"]))
        #expect(fold(row, [change(.patch, 1, ["a": "1"]), change(.delete, 2)]).write == .delete)
        // The row keeps its id.
        #expect(
            fold(row, [change(.delete, 1), change(.upsert, 2, ["a": "1"])]).write == .update(["a": "1"]))
        #expect(fold(row, [change(.delete, 1), change(.patch, 2, ["a": "1"])]).reread == .missingRow)
    }

    @Test func `the event of the last sent change ends what an earlier event of the same fold has kept`() {
        let sent = UUID()
        let record = MergeRule.Record(
            exists: true, stamp: at(0), local: [LocalChange(.waiting, columns: ["b"], attempts: [sent])])
        let created = change(.upsert, 1, ["a": "1", "b": "0"])
        var own = change(.patch, 2, ["b": "2"])
        own.attempt = sent
        #expect(fold(record, [created]).keepsLocal)
        let both = fold(record, [created, own])
        #expect(!both.keepsLocal && both.write == .update(["a": "1", "b": "2"]))
        #expect(fold(record, [created, change(.patch, 2, ["a": "2"])]).keepsLocal)
    }

    @Test func `a read that may be older leaves the order of a running write open`() {
        // The event of another user's change came while our write of the column was without an answer.
        let recent = RecentChange(stamp: at(5), isDeletion: false, appliedAt: at(6))
        let record = MergeRule.Record(
            exists: true, stamp: at(5), recent: recent, local: [LocalChange(.sending, columns: ["a"])])
        var fold = ChangeFold(record)
        fold.add(
            change(.upsert, 5, ["a": "theirs", "b": "1"]), from: .read(startedAt: at(7)), rule, now: at(8)
        ) { _, _ in nil }
        #expect(fold.conflict == ["a": "theirs", "b": "1"])
        #expect(fold.write == .nothing)
    }

    @Test func `differences of large texts are applied to the value before them`() {
        let row = MergeRule.Record(exists: true, stamp: at(0))
        let texts = ["t": "x"]
        #expect(
            fold(row, texts: texts, [change(.patch, 1, diffs: ["t": "y"])]).write == .update(["t": "xy"]))
        #expect(
            fold(
                row, texts: texts,
                [change(.patch, 1, ["t": "new"]), change(.patch, 2, diffs: ["t": "y"])]
            ).write == .update(["t": "newy"]))
        let bad = fold(row, texts: texts, [change(.patch, 1, ["a": "1"], diffs: ["t": "bad"])])
        #expect(bad.write == .update(["a": "1"]))
        #expect(bad.reread == .textDiff)
        // A replayed event does not apply its difference again.
        #expect(
            fold(
                MergeRule.Record(exists: true, stamp: at(5)), texts: texts,
                [change(.patch, 1, diffs: ["t": "bad"])]
            ).reread == nil)
    }
}

/// Random sequences against a model of one record in an org.
struct MergeSequenceTests {
    private struct Version {
        var stamp: Date
        var commit: Date
        /// Nil: deleted.
        var cells: [String: String?]?
        var event: RecordChange
    }

    /// The table's side.
    private struct Side {
        let rule = MergeRule(margin: .seconds(10))
        var row: [String: String?]?
        var recent: RecentChange?
        var rereadAt: Date?

        mutating func apply(
            _ changes: [RecordChange], from source: ChangeSource, now: Date, remembers: Bool
        ) {
            let stamp = (row?["systemmodstamp"] ?? nil).flatMap(Self.date)
            var fold = ChangeFold(MergeRule.Record(exists: row != nil, stamp: stamp, recent: recent))
            for change in changes {
                fold.add(change, from: source, rule, now: now, applyDiff: { _, _ in nil })
            }
            switch fold.write {
            case .nothing: break
            case .insert(let cells): row = cells
            case .update(let cells): row?.merge(cells) { $1 }
            case .delete: row = nil
            }
            var isDifferent = false
            if let cells = fold.conflict { isDifferent = cells.contains { row?[$0.key] != .some($0.value) } }
            if fold.reread != nil || isDifferent { rereadAt = now.addingTimeInterval(11) }
            if remembers, let applied = fold.applied { recent = applied }
        }

        static func date(_ text: String) -> Date? { MergeRule.date(text) }
    }

    /// Versions with S1 <= C1 <= S2 <= C2, often equal.
    private func versions(_ random: inout SystemRandomNumberGenerator) -> [Version] {
        var versions: [Version] = []
        var time = 0.0
        var cells: [String: String?]?
        for number in 0..<Int.random(in: 1...8, using: &random) {
            time += Double([0, 0, 1, 3, 12].randomElement(using: &random) ?? 0)
            let stamp = at(time)
            if Bool.random(using: &random) { time += 1 }
            let commit = at(time)
            if cells != nil, Int.random(in: 0..<4, using: &random) == 0 {
                cells = nil
                versions.append(
                    Version(
                        stamp: stamp, commit: commit, cells: nil,
                        event: RecordChange(sfid: "1", kind: .delete, stamp: commit)))
                continue
            }
            let kind: RecordChange.Kind = cells == nil ? .upsert : .patch
            var changed: [String: String?] = [:]
            for column in ["a", "b", "c"] where kind == .upsert || Bool.random(using: &random) {
                changed[column] = .some(Bool.random(using: &random) ? nil : "\(column)\(number)")
            }
            cells = (cells ?? [:]).merging(changed) { $1 }
            versions.append(
                Version(
                    stamp: stamp, commit: commit, cells: cells,
                    event: RecordChange(sfid: "1", kind: kind, stamp: commit, cells: changed)))
        }
        return versions
    }

    private func read(_ version: Version) -> RecordChange {
        guard var cells = version.cells else {
            return RecordChange(sfid: "1", kind: .delete, stamp: version.stamp)
        }
        cells["systemmodstamp"] = .some(MergeRule.text(version.stamp))
        return RecordChange(sfid: "1", kind: .upsert, stamp: version.stamp, cells: cells)
    }

    @Test(.timeLimit(.minutes(1)))
    func `events and reads in any order, twice and with equal times, leave the org's values`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<3_000 { expectConvergence(&random) }
    }

    /// The clock moves in steps. Each step delivers events (from some position on, in order), begins a read, or merges
    /// one that has begun.
    private func expectConvergence(_ random: inout SystemRandomNumberGenerator) {
        let versions = versions(&random)
        var side = Side()
        var clock = 0.0
        var delivered = 0
        var reads: [(startedAt: Date, change: RecordChange?)] = []
        func visible(_ clock: Double) -> Version? { versions.last { $0.commit <= at(clock) } }
        func deliver(from first: Int, _ clock: Double) {
            let events = versions[first...].prefix { $0.commit <= at(clock) }.map(\.event)
            side.apply(events, from: .events, now: at(clock), remembers: true)
            delivered = first + events.count
        }
        func reread(_ clock: Double) {
            guard let due = side.rereadAt, due <= at(clock) else { return }
            side.rereadAt = nil
            let change = visible(clock).map(read) ?? RecordChange(sfid: "1", kind: .delete, stamp: at(0))
            side.apply([change], from: .read(startedAt: at(clock)), now: at(clock), remembers: !reads.isEmpty)
        }
        for _ in 0..<12 {
            clock += Double.random(in: 0...6, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: deliver(from: Int.random(in: 0...delivered, using: &random), clock)
            case 1: reads.append((at(clock), visible(clock).map(read)))
            case 2:
                guard let index = reads.indices.randomElement(using: &random) else { continue }
                let (startedAt, change) = reads.remove(at: index)
                guard let change else { continue }
                side.apply(
                    [change], from: .read(startedAt: startedAt), now: at(clock), remembers: !reads.isEmpty)
            default: reread(clock)
            }
        }
        clock = max(clock, versions.map(\.commit).max().map { $0.timeIntervalSince(at(0)) } ?? 0) + 40
        deliver(from: delivered, clock)
        for (startedAt, change) in reads {
            guard let change else { continue }
            side.apply([change], from: .read(startedAt: startedAt), now: at(clock), remembers: true)
        }
        reads = []
        for _ in 0..<3 {
            clock += 20
            reread(clock)
        }
        func values(_ row: [String: String?]?) -> [String: String?]? {
            row?.filter { $0.key != "systemmodstamp" }
        }
        let truth = versions.last
        #expect(values(side.row) == truth?.cells, "before the last read: \(versions)")
        guard let truth else { return }
        side.apply([read(truth)], from: .read(startedAt: at(clock)), now: at(clock), remembers: false)
        #expect(side.row == (truth.cells == nil ? nil : read(truth).cells))
    }
}

import Foundation
import Testing

@testable import Replication

private func at(_ seconds: Double) -> Date { Date(timeIntervalSince1970: 1_700_000_000 + seconds) }

/// Decisions about records that an open insert may have created.
struct OpenInsertTests {
    private let rule = MergeRule(stampColumn: nil, margin: .seconds(10))
    private let insert = OpenInsert(id: UUID(), from: at(0), until: at(100))

    private func event(_ kind: RecordChange.Kind, _ attempt: UUID?, _ stamp: Double = 5) -> RecordChange {
        RecordChange(sfid: "1", kind: kind, stamp: at(stamp), cells: ["name": "A"], attempt: attempt)
    }

    private func decide(
        _ change: RecordChange, exists: Bool = false, isHeld: Bool = false,
        from source: ChangeSource = .events,
        inserts: [OpenInsert]? = nil
    ) -> MergeRule.Decision {
        rule.decide(
            change, from: source,
            on: .init(exists: exists, openInserts: inserts ?? [insert], isHeld: isHeld))
    }

    @Test func `the event of an open insert waits, the events of others do not`() {
        #expect(decide(event(.upsert, insert.id)) == .hold)
        #expect(decide(event(.upsert, nil)) == .insert(["name": "A"]))
        #expect(decide(event(.upsert, UUID())) == .insert(["name": "A"]))
        #expect(decide(event(.upsert, insert.id), inserts: []) == .insert(["name": "A"]))
        #expect(decide(event(.upsert, insert.id), exists: true) == .update(["name": "A"]))
    }

    @Test func `a record that comes back may be that of an open insert whose event was lost`() {
        func decide(_ inserts: [OpenInsert], exists: Bool = false) -> MergeRule.Decision {
            var change = event(.upsert, nil)
            change.isUndelete = true
            return self.decide(change, exists: exists, inserts: inserts)
        }
        #expect(decide([insert]) == .reread(.ownInsert))
        #expect(decide([]) == .insert(["name": "A"]))
        #expect(decide([insert], exists: true) == .update(["name": "A"]))
    }

    @Test func `after a restore the event of an unknown attempt may belong to an insert in doubt`() {
        let restored = OpenInsert(id: UUID(), from: at(0), until: at(100), isRestored: true)
        #expect(decide(event(.upsert, UUID()), inserts: [restored]) == .reread(.ownInsert))
        #expect(decide(event(.upsert, UUID(), 101), inserts: [restored]) == .insert(["name": "A"]))
        #expect(decide(event(.upsert, nil), inserts: [restored]) == .insert(["name": "A"]))
        #expect(decide(event(.upsert, UUID()), exists: true, inserts: [restored]) == .update(["name": "A"]))
    }

    @Test func `later events of the record wait behind the first`() {
        for kind in [RecordChange.Kind.upsert, .patch, .delete] {
            #expect(decide(event(kind, nil), isHeld: true) == .hold)
        }
        var fold = ChangeFold(.init(exists: false, openInserts: [insert]))
        let changes = [event(.upsert, insert.id, 1), event(.patch, nil, 2), event(.delete, nil, 3)]
        for change in changes {
            fold.add(change, from: .events, rule, now: at(9)) { _, _ in nil }
        }
        #expect(fold.held == changes)
        #expect(fold.write == .nothing)
        #expect(fold.applied == nil)
    }

    @Test func `a read record that an open insert may have created is read again`() {
        func decide(_ isOwn: Bool?, _ time: Double?, isHeld: Bool = false) -> MergeRule.Decision {
            var change = event(.upsert, nil)
            change.creation = .init(isOwn: isOwn, at: time.map(at))
            return self.decide(change, isHeld: isHeld, from: .read(startedAt: at(50)))
        }
        #expect(decide(nil, nil) == .reread(.ownInsert))
        #expect(decide(true, 0) == .reread(.ownInsert))
        #expect(decide(true, 100) == .reread(.ownInsert))
        #expect(decide(false, 50) == .insert(["name": "A"]))
        #expect(decide(true, -1) == .insert(["name": "A"]))
        #expect(decide(true, 101) == .insert(["name": "A"]))
        #expect(decide(false, 50, isHeld: true) == .reread(.ownInsert))
        let row = self.decide(event(.upsert, nil), exists: true, from: .read(startedAt: at(50)))
        #expect(row == .update(["name": "A"]))
    }

    @Test func `the window of a request has margins for the clocks, that of a Bulk job has no end`() {
        func mayHave(_ method: WriteAttempt.Method, _ time: Double) -> Bool {
            OpenInsert(id: UUID(), sentAt: at(0), settleAt: at(660), method: method, epoch: 1)
                .mayHave(.init(isOwn: true, at: at(time)))
        }
        #expect(mayHave(.collection, -119))
        #expect(!mayHave(.collection, -121))
        #expect(mayHave(.collection, 779))
        #expect(!mayHave(.collection, 781))
        #expect(mayHave(.bulk, 100_000))
    }

    @Test func `an attempt's own entries do not protect columns from its event, others do`() {
        let attempt = UUID()
        func protected(_ local: LocalChange, _ change: RecordChange) -> Bool {
            !rule.protectedColumns(change, from: .events, on: .init(exists: true, local: [local])).isEmpty
        }
        for state in [LocalChange.State.waiting, .sending, .sent(at(9)), .failed(at(9))] {
            let own = LocalChange(state, columns: ["name"], attempts: [attempt])
            #expect(!protected(own, event(.patch, attempt)))
            #expect(protected(own, event(.patch, nil)))
            #expect(protected(own, event(.patch, UUID())))
        }
        #expect(protected(LocalChange(.waiting, columns: ["name"]), event(.patch, attempt)))
    }

    @Test func `earlier entries of the row belong to the attempt, later and resent ones do not`() {
        let (first, second) = (UUID(), UUID())
        let sent = [first: 10, second: 20]
        #expect(LocalChange.attempts(of: 10, state: "PENDING", in: sent) == [first, second])
        #expect(LocalChange.attempts(of: 15, state: "PENDING", in: sent) == [second])
        #expect(LocalChange.attempts(of: 15, state: "NEW", in: sent) == [])
        #expect(LocalChange.attempts(of: 20, state: "SUCCESS", in: sent) == [second])
        #expect(LocalChange.attempts(of: 15, state: "MERGED", in: sent) == [second])
        #expect(LocalChange.attempts(of: 21, state: "PENDING", in: sent) == [])
    }
}

import Foundation
import Testing

@testable import Replication

private func at(_ seconds: Double) -> Date { Date(timeIntervalSince1970: 1_700_000_000 + seconds) }

/// What became of an attempt without an answer.
struct SettlementRuleTests {
    private typealias Item = SettlementRule.Item
    private typealias Candidate = SettlementRule.Candidate

    private func insert(
        _ items: Int, _ candidates: [SettlementRule.Candidate], isComplete: Bool = true, isOver: Bool = true,
        tagged: Int? = nil, othersOpen: Bool = false
    ) -> [Int: SettlementRule.Verdict] {
        var facts = SettlementRule.Facts(
            items: (1...items).map { Item(entryID: $0) }, candidates: candidates, isComplete: isComplete,
            isOver: isOver)
        facts.tagged = tagged ?? candidates.count { $0.isTagged }
        facts.othersOpen = othersOpen
        return SettlementRule(.insert, sentAt: at(0)).verdicts(facts)
    }

    @Test func `an insert is written if a record has its values, and absent if no record is left`() {
        #expect(
            insert(2, [Candidate("a", matches: [1])]) == [1: .written(sfid: "a"), 2: .absent])
        #expect(insert(2, []) == [1: .absent, 2: .absent])
    }

    @Test func `a record with other values makes the missing rows undecided`() {
        #expect(
            insert(2, [Candidate("a", matches: [1]), Candidate("b")])
                == [1: .written(sfid: "a"), 2: .undecided])
        #expect(insert(1, [Candidate("b")]) == [1: .undecided])
    }

    @Test func `rows with equal values get different records`() {
        let verdicts = insert(
            3,
            [
                Candidate("a", matches: [1, 2]), Candidate("b", matches: [1, 2]),
                Candidate("c", matches: [1, 3]),
            ]
        )
        #expect(Set(verdicts.values.map { "\($0)" }).count == 3)
        #expect(verdicts[3] == .written(sfid: "c"))
    }

    @Test func `as many rows as possible get a record`() {
        #expect(
            insert(2, [Candidate("a", matches: [1, 2]), Candidate("b", matches: [1])])
                == [1: .written(sfid: "b"), 2: .written(sfid: "a")])
    }

    @Test func `an incomplete look-up never says that a row is absent`() {
        #expect(insert(1, [], isComplete: false) == [1: .undecided])
        #expect(
            insert(2, [Candidate("a", matches: [2])], isComplete: false)
                == [1: .undecided, 2: .written(sfid: "a")])
    }

    @Test func `before the end of the request only events are a proof`() {
        #expect(insert(1, [], isOver: false) == [:])
        #expect(insert(1, [Candidate("a", matches: [1])], isOver: false) == [:])
        #expect(
            insert(2, [Candidate("a", isTagged: true, matches: [1])], isOver: false)
                == [1: .written(sfid: "a")])
    }

    @Test func `the only record of a request with one row is its record`() {
        #expect(
            insert(1, [Candidate("a", isTagged: true)], isOver: false) == [1: .written(sfid: "a")])
        // A trigger in the org may create records of the same object.
        #expect(insert(1, [Candidate("a", isTagged: true)], tagged: 2) == [1: .undecided])
        #expect(insert(2, [Candidate("a", isTagged: true)]) == [1: .undecided, 2: .undecided])
    }

    @Test func `while other inserts are open their records decide nothing`() {
        #expect(insert(1, [Candidate("b")], othersOpen: true) == [:])
        #expect(insert(1, [], othersOpen: true) == [1: .absent])
        #expect(
            insert(2, [Candidate("a", matches: [2]), Candidate("b")], othersOpen: true)
                == [2: .written(sfid: "a")])
    }

    @Test func `a row that has a record by now is written`() {
        let facts = SettlementRule.Facts(
            items: [Item(entryID: 1, sfid: "a")], candidates: [], isOver: false)
        #expect(SettlementRule(.insert, sentAt: at(0)).verdicts(facts) == [1: .written(sfid: "a")])
    }

    private func update(_ candidate: SettlementRule.Candidate?) -> SettlementRule.Verdict? {
        SettlementRule(.update, sentAt: at(0), margin: 120).verdicts(
            .init(items: [Item(entryID: 1, sfid: "a")], candidates: candidate.map { [$0] } ?? []))[1]
    }

    @Test func `an update is compared with the record and its last change`() {
        #expect(update(Candidate("a", matches: [1])) == .written(sfid: "a"))
        #expect(update(nil) == .absent)
        #expect(update(Candidate("a", modifiedAt: at(-121))) == .absent)
        #expect(update(Candidate("a", modifiedAt: at(-119))) == .undecided)
        #expect(update(Candidate("a", modifiedAt: at(-119), isModifiedByUs: true)) == .absent)
        #expect(update(Candidate("a", modifiedAt: at(121), isModifiedByUs: true)) == .written(sfid: "a"))
        #expect(update(Candidate("a", modifiedAt: at(121))) == .undecided)
        #expect(update(Candidate("a")) == .undecided)
    }

    @Test func `a deletion is written if the record is gone for certain`() {
        func verdict(_ candidates: [SettlementRule.Candidate], _ isComplete: Bool = true)
            -> SettlementRule.Verdict?
        {
            SettlementRule(.delete, sentAt: at(0)).verdicts(
                .init(
                    items: [Item(entryID: 1, sfid: "a")], candidates: candidates, isComplete: isComplete))[1]
        }
        #expect(verdict([]) == .written(sfid: "a"))
        #expect(verdict([Candidate("a")]) == .absent)
        #expect(verdict([], false) == .absent)
    }

    private func upsert(
        _ candidates: [SettlementRule.Candidate], deleted: [SettlementRule.Candidate] = [], isUnique: Bool,
        isComplete: Bool = true
    ) -> SettlementRule.Verdict? {
        var facts = SettlementRule.Facts(
            items: [Item(entryID: 1, key: "K")], candidates: candidates, isComplete: isComplete)
        facts.deleted = deleted
        return SettlementRule(.upsert, isKeyUnique: isUnique, sentAt: at(0), margin: 120).verdicts(facts)[1]
    }

    @Test(arguments: [true, false])
    func `an upsert is not repeated if its new record was deleted`(_ isUnique: Bool) {
        let deleted = Candidate("d", key: "k")
        #expect(upsert([], deleted: [deleted], isUnique: isUnique) == .written(sfid: "d"))
        #expect(upsert([], deleted: [Candidate("e", key: "L")], isUnique: isUnique) == .absent)
        // Another record has the key now.
        let own = Candidate("a", matches: [1], key: "K")
        #expect(upsert([own], deleted: [deleted], isUnique: isUnique) == .written(sfid: "a"))
    }

    @Test func `an upsert is repeated only if its key is unique`() {
        let (own, other) = (
            Candidate("a", matches: [1], key: "K"), Candidate("b", key: "k", modifiedAt: at(9))
        )
        for isUnique in [true, false] {
            #expect(upsert([own], isUnique: isUnique) == .written(sfid: "a"))
            #expect(upsert([], isUnique: isUnique) == .absent)
        }
        #expect(upsert([other], isUnique: true) == .absent)
        #expect(upsert([other], isUnique: false) == .undecided)
        #expect(upsert([], isUnique: false, isComplete: false) == .undecided)
        #expect(upsert([own, Candidate("c", matches: [1], key: "K")], isUnique: false) == .undecided)
        // The exact spelling comes first.
        #expect(upsert([other, own], isUnique: false) == .written(sfid: "a"))
    }

    @Test func `an upsert is not repeated if its new record was changed by a user`() {
        var changed = Candidate("a", key: "K")
        changed.modifiedAt = at(300)
        #expect(upsert([changed], isUnique: true) == .absent)
        changed.isCreatedByUs = true
        #expect(upsert([changed], isUnique: true) == .written(sfid: "a"))
        #expect(upsert([changed], isUnique: false) == .undecided)
    }

    @Test func `nothing but inserts is decided before the end of the request`() {
        for action in [WriteAttempt.Action.update, .upsert, .delete] {
            let facts = SettlementRule.Facts(
                items: [Item(entryID: 1, sfid: "a", key: "K")],
                candidates: [Candidate("a", matches: [1], key: "K")], isOver: false)
            #expect(SettlementRule(action, isKeyUnique: true, sentAt: at(0)).verdicts(facts).isEmpty)
        }
    }

    /// Random attempts: the org carried out some rows, changed some values, and others created records too.
    @Test func `no row gets a record of another one, and no record that exists is sent again`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let names = (1...Int.random(in: 1...5, using: &random)).map { _ in
                Int.random(in: 0..<3, using: &random)
            }
            var candidates: [SettlementRule.Candidate] = []
            var written = 0
            for name in names where Bool.random(using: &random) {
                written += 1
                let isChanged = Int.random(in: 0..<6, using: &random) == 0
                let equal = Set(names.indices.filter { names[$0] == name }.map { $0 + 1 })
                candidates.append(
                    Candidate(
                        "r\(candidates.count)", isTagged: Bool.random(using: &random),
                        matches: isChanged ? [] : equal))
            }
            let verdicts = insert(names.count, candidates.shuffled())
            let records = verdicts.values.compactMap { verdict -> String? in
                if case .written(let sfid) = verdict { sfid } else { nil }
            }
            #expect(Set(records).count == records.count)
            #expect(verdicts.count == names.count)
            let absent = verdicts.values.count { $0 == .absent }
            #expect(absent == 0 || absent == names.count - written)
        }
    }
}

internal import HeapModule

/// The entries of one table and action that can be sent now, by their places.
struct WriteStream: Sendable {
    struct Candidate: Comparable, Sendable {
        var place: Int
        var slot: Int32

        static func < (one: Candidate, other: Candidate) -> Bool { one.place < other.place }
    }

    private var heap = Heap<Candidate>()
    /// The heap also has entries that are no longer candidates.
    private(set) var count = 0
    /// Batches of other streams that began while this stream had entries.
    var passes = 0
    /// The number of the last batch.
    var turn = 0

    /// The lowest place. It may be that of a former candidate.
    var first: Candidate? { heap.min }

    mutating func add(_ candidate: Candidate) {
        heap.insert(candidate)
        count += 1
    }

    mutating func popFirst() -> Candidate? { heap.popMin() }

    /// An entry is no candidate any more.
    mutating func leave() {
        count -= 1
        if count == 0 {
            heap = Heap()
            passes = 0
        }
    }
}

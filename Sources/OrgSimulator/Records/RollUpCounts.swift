import Synchronization

/// The number of live computed rows of a child object per row of its parent. Counted on first use.
final class RollUpCounts: Sendable {
    private let counts = Mutex<[Int32]?>(nil)
    private let reference: Column
    private let childRows: Int
    private let parents: IDSpace
    private let parentRows: Int

    /// - Parameters:
    ///   - reference: the child's lookup.
    ///   - parents: the ids of the parent's rows.
    init(reference: Column, childRows: Int, parents: IDSpace, parentRows: Int) {
        self.reference = reference
        self.childRows = childRows
        self.parents = parents
        self.parentRows = parentRows
    }

    /// The count of a row, counted from 0.
    func count(_ row: Int) -> Int {
        counts.withLock { counts in
            if counts == nil {
                var new = [Int32](repeating: 0, count: parentRows)
                for child in 0..<childRows {
                    guard case .id(let id) = reference.value(child), let number = parents.number(of: id),
                        number >= 1, number <= parentRows
                    else { continue }
                    new[number - 1] += 1
                }
                counts = new
            }
            guard let counts, row < counts.count else { return 0 }
            return Int(counts[row])
        }
    }
}

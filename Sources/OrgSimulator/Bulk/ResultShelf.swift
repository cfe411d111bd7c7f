import Synchronization

/// Keeps the results of Bulk queries, so that the same query over unchanged rows is rendered once, and bounds the
/// memory of all of them together.
final class ResultShelf: Sendable {
    /// What makes two results the same.
    struct Key: Hashable, Sendable {
        let org: Int
        let query: String
        let owner: RecordID?
        let includesDeleted: Bool
        let sortsColumns: Bool
        let delimiter: UInt8
        let lineEnd: [UInt8]
        /// Of all tables and visible fields of the org.
        let revision: Int
    }

    private struct Shelf {
        var results: [Key: RenderedResult] = [:]
        /// Least recently used first.
        var order: [Key] = []
    }

    private let shelf = Mutex(Shelf())
    private let maximumBytes: Int
    /// Results beyond this number are let go even when they are small.
    private static let maximumResults = 256

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// The kept result of this key, or a new one.
    func result(_ key: Key, make: () -> RenderedResult) -> RenderedResult {
        let found = shelf.withLock { shelf -> RenderedResult? in
            guard let result = shelf.results[key] else { return nil }
            shelf.order.removeAll { $0 == key }
            shelf.order.append(key)
            return result
        }
        if let found { return found }
        let result = make()
        shelf.withLock { shelf in
            shelf.results[key] = result
            shelf.order.append(key)
            if shelf.order.count > Self.maximumResults {
                shelf.results.removeValue(forKey: shelf.order.removeFirst())?.dropAll()
            }
        }
        return result
    }

    /// Bytes of all kept blocks.
    var keptBytes: Int { shelf.withLock { $0.results.values.reduce(0) { $0 + $1.keptBytes } } }

    var isFull: Bool { keptBytes >= maximumBytes }

    /// A block of `result`; drops older ones, of other results first, when there is not enough room.
    func block(_ number: Int, of result: RenderedResult) -> RenderedResult.Block {
        if result.has(number) { return result.block(number) }
        let block = result.block(number)
        shelf.withLock { shelf in
            var total = shelf.results.values.reduce(0) { $0 + $1.keptBytes }
            for key in shelf.order where total > maximumBytes {
                guard let other = shelf.results[key], other !== result else { continue }
                total -= other.keptBytes
                other.dropAll()
            }
            while total > maximumBytes, result.keptBytes > block.bytes.count {
                let before = result.keptBytes
                result.dropOldest()
                total -= before - result.keptBytes
            }
        }
        return block
    }
}

import Synchronization

/// Keeps results of Bulk queries, so that the same query over unchanged rows is rendered once. Bounds their
/// memory.
final class BulkResultCache: Sendable {
    /// Two results with the same key are equal.
    struct Key: Hashable, Sendable {
        let org: Int
        let query: String
        let owner: OrgRecordID?
        let includesDeleted: Bool
        let sortsColumns: Bool
        let delimiter: UInt8
        let lineEnd: [UInt8]
        /// Of all tables and visible fields of the org.
        let revision: Int
    }

    private struct State {
        var results: [Key: RenderedResult] = [:]
        /// Least recently used first.
        var order: [Key] = []
    }

    private let state = Mutex(State())
    private let maximumBytes: Int
    /// The number of results, however small they are.
    private static let maximumResults = 256

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// The cached result of this key, or a new one.
    func result(_ key: Key, make: () -> RenderedResult) -> RenderedResult {
        let found = state.withLock { state -> RenderedResult? in
            guard let result = state.results[key] else { return nil }
            state.order.removeAll { $0 == key }
            state.order.append(key)
            return result
        }
        if let found { return found }
        let result = make()
        state.withLock { state in
            state.results[key] = result
            state.order.append(key)
            if state.order.count > Self.maximumResults {
                state.results.removeValue(forKey: state.order.removeFirst())?.dropAll()
            }
        }
        return result
    }

    /// Bytes of all cached blocks.
    var keptBytes: Int { state.withLock { $0.results.values.reduce(0) { $0 + $1.keptBytes } } }

    var isFull: Bool { keptBytes >= maximumBytes }

    /// A block of `result`. If the cache is full, drops older blocks, first of other results.
    func block(_ number: Int, of result: RenderedResult) -> RenderedResult.Block {
        if result.has(number) { return result.block(number) }
        let block = result.block(number)
        state.withLock { state in
            var total = state.results.values.reduce(0) { $0 + $1.keptBytes }
            for key in state.order where total > maximumBytes {
                guard let other = state.results[key], other !== result else { continue }
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

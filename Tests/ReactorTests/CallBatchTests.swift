import Synchronization
import Testing

@testable import Reactor

struct CallBatchTests {
    private struct Refused: Error {}

    let loop = EventLoop(name: "test")

    /// A batch that records its items and squares them.
    private final class Squares: Sendable {
        let batches = Mutex<[[Int]]>([])

        func batch(maximum: Int) -> CallBatch<Int, Int> {
            CallBatch(maximum: maximum) { items in
                self.batches.withLock { $0.append(items) }
                try await EventLoop.current.sleep(for: .milliseconds(5))
                if items.contains(13) { throw Refused() }
                return items.map { $0 * $0 }
            }
        }
    }

    @Test func `calls during a batch form the next batch, and each gets its own answer`()
        async throws
    {
        try await loop.run {
            let squares = Squares()
            let batch = squares.batch(maximum: 8)
            let answers = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                for item in 0..<12 { group.addTask { (item, try await batch(item)) } }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(answers == Dictionary(uniqueKeysWithValues: (0..<12).map { ($0, $0 * $0) }))
            let sizes = squares.batches.withLock { $0.map(\.count) }
            #expect(sizes == [1, 8, 3])
            // No call leads now: the next one does.
            let next = try await batch(5)
            #expect(next == 25)
        }
    }

    @Test func `a failed batch fails for all its calls and for no later ones`() async throws {
        try await loop.run {
            let squares = Squares()
            let batch = squares.batch(maximum: 4)
            let failures = await withTaskGroup(of: Bool.self) { group in
                for item in [1, 13, 2, 3, 4] {
                    group.addTask { (try? await batch(item)) == nil }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(failures == 4)
            let next = try await batch(6)
            #expect(next == 36)
        }
    }

    @Test func `a cancelled caller does not end the batch of the others`() async throws {
        try await loop.run {
            let squares = Squares()
            let batch = squares.batch(maximum: 4)
            try await withThrowingTaskGroup(of: Int.self) { others in
                let leader = { @Sendable () async throws -> Int in try await batch(2) }
                try await withThrowingTaskGroup(of: Int.self) { cancelled in
                    cancelled.addTask { try await leader() }
                    others.addTask { try await batch(3) }
                    cancelled.cancelAll()
                    let first = try await cancelled.next()
                    #expect(first == 4)
                }
                let second = try await others.next()
                #expect(second == 9)
            }
        }
    }
}

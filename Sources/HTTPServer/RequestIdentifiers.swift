internal import Synchronization

/// Makes the names of requests: random per process, counted within it. Fifteen bytes, which a string holds without
/// allocating, for the first two thousand million.
final class RequestIdentifiers: Sendable {
    private let prefix: String
    private let count = Atomic<UInt64>(0)

    init() {
        // Eight digits of base 32.
        prefix = String(UInt64.random(in: 1 << 35..<1 << 40), radix: 32) + "-"
    }

    func next() -> String {
        prefix + String(count.add(1, ordering: .relaxed).newValue, radix: 36)
    }
}

internal import Synchronization

/// Creates request ids: a random prefix of the process and a counter. Up to two thousand million, an id has
/// 15 bytes, which a string stores without allocating.
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

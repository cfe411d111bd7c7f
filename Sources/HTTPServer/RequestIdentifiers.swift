internal import Synchronization

/// Makes the names of requests: random per process, counted within it.
final class RequestIdentifiers: Sendable {
    private let prefix: String
    private let count = Atomic<UInt64>(0)

    init() {
        prefix = String(UInt64.random(in: 1 << 44..<1 << 48), radix: 16)
    }

    func next() -> String {
        prefix + "-" + String(count.add(1, ordering: .relaxed).newValue, radix: 36)
    }
}

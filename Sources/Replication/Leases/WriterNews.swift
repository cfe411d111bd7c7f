package import Reactor
internal import Synchronization

/// Reasons to look at a tenant's log of users' changes. Any thread may add them.
package final class WriterNews: Sendable {
    /// The reasons since the last look.
    package struct Reasons: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        /// Users changed rows.
        package static let changes = Reasons(rawValue: 1)
        /// The tenant's mappings or settings changed.
        package static let mappings = Reasons(rawValue: 2)
    }

    /// Set while there are reasons.
    package let event = Event()
    private let reasons = Mutex<Reasons>([])

    func note(_ reason: Reasons) {
        reasons.withLock { $0.formUnion(reason) }
        event.set()
    }

    /// Takes the reasons. Later ones set `event` again.
    package func take() -> Reasons {
        event.reset()
        return reasons.withLock { reasons in
            defer { reasons = [] }
            return reasons
        }
    }
}

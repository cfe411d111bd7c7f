/// The classes of jobs that a worker can run, and how. Each loop has its own, because handlers hold what
/// lives on their loop: pools and clients.
package struct JobRegistry: Sendable {
    /// What is known of a class.
    struct Entry: Sendable {
        let timeout: Duration
        let maximumAttempts: Int
        let run: @Sendable (JobContext) async throws -> JobOutcome
    }

    private var entries: [String: Entry] = [:]
    /// How many jobs of a class a worker runs at once, where that is bounded.
    private(set) var concurrencies: [String: Int] = [:]

    package init() {}

    /// Says how a class runs.
    /// - Parameters:
    ///   - timeout: how long one start may take; then it is cancelled and counts as failed.
    ///   - maximumAttempts: how many failed starts end the job.
    ///   - concurrency: how many of them a worker runs at once; nil: as many as it has slots. Jobs beyond that wait
    ///     in their lanes, where some others may pass them: of very many, put them into a queue of their own.
    ///   - run: the handler. It starts anew after a crash at any point, so it finds out what is done already.
    package mutating func register(
        _ className: String, timeout: Duration, maximumAttempts: Int = RetryRule.defaultMaximumAttempts,
        concurrency: Int? = nil,
        _ run: @escaping @Sendable (JobContext) async throws -> JobOutcome
    ) {
        precondition(LaneName.isValidClass(className), "a class is a letter, then letters, digits, _ and :")
        precondition(entries[className] == nil, "a class is registered once")
        precondition(concurrency.map { $0 >= 1 } ?? true, "a class may have one job at least")
        concurrencies[className] = concurrency
        entries[className] = Entry(timeout: timeout, maximumAttempts: maximumAttempts, run: run)
    }

    /// The registered classes.
    package var classNames: [String] { entries.keys.sorted() }

    subscript(className: String) -> Entry? { entries[className] }
}

/// The classes of jobs that a worker can run. Each loop has its own registry, because handlers hold the
/// loop's pools and clients.
package struct JobRegistry: Sendable {
    /// How a class runs.
    package struct Entry: Sendable {
        package let timeout: Duration
        package let maximumAttempts: Int
        package let run: @Sendable (JobContext) async throws -> JobOutcome
    }

    private var entries: [String: Entry] = [:]
    private var refusals: [String: String] = [:]
    /// The bounds of `register`, by class.
    package private(set) var concurrencies: [String: Int] = [:]

    package init() {}

    /// Adds a class.
    /// - Parameters:
    ///   - timeout: how long a run may take. Then it is cancelled and has failed.
    ///   - maximumAttempts: the number of failures after which the job is dead.
    ///   - concurrency: jobs of the class that a worker runs at once; nil: any number. More jobs wait in
    ///     their lanes, where a few others can pass them. Give a class with many waiting jobs its own queue.
    ///   - run: the handler. It must be re-entrant: after a crash at any point it runs again.
    package mutating func register(
        _ className: String, timeout: Duration, maximumAttempts: Int = JobRetryRule.defaultMaximumAttempts,
        concurrency: Int? = nil,
        _ run: @escaping @Sendable (JobContext) async throws -> JobOutcome
    ) {
        precondition(LaneName.isValidClass(className), "a class is a letter, then letters, digits, _ and :")
        precondition(entries[className] == nil, "the class \(className) is registered twice")
        precondition(concurrency.map { $0 >= 1 } ?? true, "the concurrency of \(className) is less than 1")
        concurrencies[className] = concurrency
        entries[className] = Entry(timeout: timeout, maximumAttempts: maximumAttempts, run: run)
    }

    /// Names a class that no version can run. Its jobs are dead after their first start.
    /// - Parameter reason: shown to operators.
    package mutating func refuse(_ className: String, because reason: String) { refusals[className] = reason }

    /// Why the class, which is not registered, cannot run.
    package func refusal(of className: String) -> JobsError {
        refusals[className].map { JobsError(.arguments, $0) }
            ?? JobsError(.unknownClass, "no handler is registered for the class \(className)")
    }

    /// The registered classes.
    package var classNames: [String] { entries.keys.sorted() }

    package subscript(className: String) -> Entry? { entries[className] }
}

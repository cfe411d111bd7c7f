package import FoundationEssentials

/// A job to be enqueued.
package struct NewJob: Sendable {
    /// The registered class that runs it.
    package var className: String
    /// The arguments, encoded as the elements of a JSON array.
    package var arguments: [any Encodable & Sendable]
    /// The tenant whose lane it waits in; nil for work of no tenant.
    package var organizationID: UUID?
    /// The queue.
    package var queue: String
    /// Not before this time; nil is at once.
    package var runAt: Date?
    /// At most one open job has this key: enqueuing another gives back the open one.
    package var uniqueKey: String?
    /// How many failed starts it may have; nil is the class's default.
    package var maximumAttempts: Int?
    /// How long one start may take; nil is the class's default.
    package var timeout: Duration?

    /// Names are constants of the program; ones that Sidekiq's pages would not carry are a mistake in it.
    package init(
        _ className: String, arguments: [any Encodable & Sendable] = [], organizationID: UUID? = nil,
        queue: String = "default", runAt: Date? = nil, uniqueKey: String? = nil,
        maximumAttempts: Int? = nil, timeout: Duration? = nil
    ) {
        precondition(LaneName.isValidClass(className), "a class is a letter, then letters, digits, _ and :")
        precondition(LaneName.isValidQueue(queue), "a queue is 1 to 64 letters, digits, _, ., : and -")
        precondition(maximumAttempts.map { $0 >= 1 } ?? true, "a job is attempted at least once")
        self.className = className
        self.arguments = arguments
        self.organizationID = organizationID
        self.queue = queue
        self.runAt = runAt
        self.uniqueKey = uniqueKey
        self.maximumAttempts = maximumAttempts
        self.timeout = timeout
    }

    /// The lane it will wait in.
    package var lane: LaneName { LaneName(queue: queue, organizationID: organizationID) }
}

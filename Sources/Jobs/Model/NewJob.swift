package import FoundationEssentials

/// A job to enqueue.
package struct NewJob: Sendable {
    /// The registered class that runs it.
    package var className: String
    /// The arguments, encoded as the elements of a JSON array.
    package var arguments: [any Encodable & Sendable]
    /// The tenant whose lane it waits in, if any.
    package var organizationID: UUID?
    /// The queue.
    package var queue: String
    /// When it is due; nil: at once.
    package var runAt: Date?
    /// At most one open job has this key. Enqueuing another returns the open one.
    package var uniqueKey: String?
    /// The number of failures after which it is dead; nil: the class's number.
    package var maximumAttempts: Int?
    /// How long a run may take; nil: the class's time.
    package var timeout: Duration?

    /// - Precondition: the names are valid. They are constants of the program.
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

    /// The lane of its tenant and queue.
    package var lane: LaneName { LaneName(queue: queue, organizationID: organizationID) }
}

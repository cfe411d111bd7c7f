import FoundationEssentials
import Jobs

/// A payload of another Sidekiq client. Fields that a row needs are checked strictly; others (tags,
/// backtraces, batches) are ignored.
///
/// Sidekiq 6 and 7 write times in seconds, version 8 in whole milliseconds. ActiveJob wraps its jobs in an
/// envelope.
struct ExternalPayload: Sendable, Equatable {
    /// Why a payload is not a job.
    struct Refusal: Error, Equatable {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    /// The last failure. Buttons of Sidekiq's pages change the count.
    struct Failure: Sendable, Equatable {
        /// One less than the failures so far; -1 after "Retry" of a job that failed once.
        var retryCount: Int
        var errorClass: String
        var message: String
        var failedAt: Date
        var retriedAt: Date?

        /// When it last failed.
        var lastAt: Date { retriedAt ?? failedAt }
    }

    var className: String
    /// The wrapped class, if the payload is an ActiveJob envelope.
    var wrappedClassName: String?
    var queue: String
    var organizationID: UUID?
    /// Nil: the class's own number.
    var maximumAttempts: Int?
    var createdAt: Date?
    var failure: Failure?

    /// Reads a payload. Returns the job and its text.
    /// - Throws: `Refusal`. Bytes that are not UTF-8 are refused: the job would run with other arguments than
    ///   its client meant.
    static func read(_ bytes: [UInt8], limits: JobsLimits) throws(Refusal) -> (job: Self, text: String) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Refusal("the payload is not UTF-8")
        }
        return (try Self(text, limits: limits), text)
    }

    /// The classes in which ActiveJob wraps jobs: up to Sidekiq 7, and from 8 on.
    static let envelopes: Set<String> = [
        "ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper", "Sidekiq::ActiveJob::Wrapper",
    ]

    /// Reads a payload.
    /// - Throws: `Refusal`. Its reason does not quote the payload, so it is safe to show.
    init(_ payload: String, limits: JobsLimits) throws(Refusal) {
        guard payload.utf8.count <= limits.externalPayloadBytes else {
            throw Refusal("the payload is larger than \(limits.externalPayloadBytes) bytes")
        }
        let fields: Fields
        do {
            fields = try JSONDecoder().decode(Fields.self, from: Data(payload.utf8))
        } catch {
            throw Refusal("the payload is not a JSON object")
        }
        guard let className = fields.className else { throw Refusal("the payload has no class") }
        guard LaneName.isValidClass(className) else {
            throw Refusal("the payload's class is not a letter followed by up to 99 letters, digits, _ and :")
        }
        guard fields.hasArguments else { throw Refusal("the payload's args are not an array") }
        let lane = LaneName(text: fields.queue ?? LaneName.defaultQueue)
        guard let (queue, organizationID) = lane.parts else {
            throw Refusal("the payload's queue is not 1 to 64 letters, digits, _, ., : and -")
        }
        self.className = className
        wrappedClassName = fields.wrapped
        self.queue = queue
        self.organizationID = organizationID
        maximumAttempts = fields.maximumAttempts
        createdAt = fields.createdAt
        failure = fields.failure
    }

    var lane: LaneName { LaneName(queue: queue, organizationID: organizationID) }
}

extension ExternalPayload {
    /// Each field is optional. A field of another type than Sidekiq's is ignored.
    private struct Fields: Decodable {
        let className: String?
        let wrapped: String?
        let queue: String?
        let hasArguments: Bool
        let maximumAttempts: Int?
        let createdAt: Date?
        let failure: Failure?

        private enum Key: String, CodingKey {
            case `class`, args, queue, retry, wrapped
            case createdAt = "created_at"
            case retryCount = "retry_count"
            case errorClass = "error_class"
            case errorMessage = "error_message"
            case failedAt = "failed_at"
            case retriedAt = "retried_at"
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: Key.self)
            let text = { (key: Key) in try? fields.decode(String.self, forKey: key) }
            let time = { (key: Key) in (try? fields.decode(Double.self, forKey: key)).flatMap(Self.time) }
            className = text(.class)
            wrapped = text(.wrapped)
            queue = text(.queue)
            hasArguments = (try? fields.nestedUnkeyedContainer(forKey: .args)) != nil
            createdAt = time(.createdAt)
            if let isRetried = try? fields.decode(Bool.self, forKey: .retry) {
                maximumAttempts = isRetried ? nil : 1
            } else {
                let retries = try? fields.decode(Int.self, forKey: .retry)
                maximumAttempts = retries.map { min(max($0, 0), Self.mostRetries) + 1 }
            }
            if let count = try? fields.decode(Int.self, forKey: .retryCount), let failedAt = time(.failedAt) {
                failure = Failure(
                    retryCount: min(max(count, -1), Self.mostRetries), errorClass: text(.errorClass) ?? "",
                    message: text(.errorMessage) ?? "", failedAt: failedAt, retriedAt: time(.retriedAt))
            } else {
                failure = nil
            }
        }

        /// The largest accepted count: more than any back-off allows, and small enough for every counter.
        private static let mostRetries = 1_000_000

        /// A time in seconds, or in milliseconds if the number is too large for seconds; nil if it is
        /// neither.
        private static func time(_ number: Double) -> Date? {
            let seconds = number > 1e11 ? number / 1000 : number
            guard seconds > 0, seconds < 1e11 else { return nil }
            return Date(timeIntervalSince1970: seconds)
        }
    }
}

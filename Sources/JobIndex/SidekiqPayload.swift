internal import Encoding
package import FoundationEssentials
package import Jobs

/// A job in Sidekiq's JSON, byte for byte reproducible from the row.
///
/// Times are numbers of seconds with six decimals and always a decimal point: Sidekiq 8 reads a whole number
/// as milliseconds. No key is added that Sidekiq does not know: its page shows such keys as raw HTML.
package struct SidekiqPayload: Sendable {
    /// The id.
    package var id: JobID
    /// The class.
    package var className: String
    /// The text of the JSON array of arguments.
    package var arguments: JobArguments
    /// The lane.
    package var lane: LaneName
    /// The failed starts after which the job is dead; nil for the class's own number. Sidekiq counts the
    /// retries after the first start, and writes `true` for its default number.
    package var maximumAttempts: Int?
    /// When the job was made.
    package var createdAt: Date
    /// The last failure and the number of failures.
    package var failure: JobFailure?

    /// The payload as a member of `schedule`, `retry` or `dead`: without the time of enqueuing.
    package var waiting: String { "{" + fields.joined(separator: ",") + "}" }

    /// The payload as an entry of a lane.
    package func enqueued(at time: Date) -> String {
        "{" + (fields + ["\"enqueued_at\":\(Self.seconds(time))"]).joined(separator: ",") + "}"
    }

    private var fields: [String] {
        var fields = [
            "\"retry\":\(maximumAttempts.map { String(max($0, 1) - 1) } ?? "true")",
            "\"queue\":\(JSONText.quoted(lane.text))",
            "\"class\":\(JSONText.quoted(className))",
            "\"args\":\(arguments.text)",
            "\"jid\":\"\(id.text)\"",
            "\"created_at\":\(Self.seconds(createdAt))",
        ]
        if let failure {
            fields.append("\"error_message\":\(JSONText.quoted(failure.message))")
            fields.append("\"error_class\":\(JSONText.quoted(failure.errorClass))")
            fields.append("\"failed_at\":\(Self.seconds(failure.failedAt))")
            fields.append("\"retry_count\":\(failure.failures - 1)")
            if failure.failures > 1 || failure.retriedAt != nil {
                fields.append("\"retried_at\":\(Self.seconds(failure.retriedAt ?? failure.failedAt))")
            }
        }
        return fields
    }

    /// Seconds since 1970 with six decimals.
    package static func seconds(_ time: Date) -> String {
        let microseconds = Int64((time.timeIntervalSince1970 * 1_000_000).rounded())
        let (whole, part) = abs(microseconds).quotientAndRemainder(dividingBy: 1_000_000)
        let digits = String(part)
        let sign = microseconds < 0 ? "-" : ""
        return "\(sign)\(whole)." + String(repeating: "0", count: 6 - digits.count) + digits
    }
}

extension JobRecord {
    /// The job in Sidekiq's form.
    package var payload: SidekiqPayload {
        SidekiqPayload(
            id: id, className: className, arguments: arguments, lane: lane, maximumAttempts: maximumAttempts,
            createdAt: createdAt, failure: failure)
    }
}

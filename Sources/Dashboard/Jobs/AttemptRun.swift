import JobAdmin
import Pages

/// Attempts in a row that ended in the same way, with the same error.
struct AttemptRun: Sendable, Equatable {
    let first: JobAttempt
    private(set) var last: JobAttempt
    private(set) var count = 1

    /// Attempts in the order of their ends.
    static func runs(of attempts: [JobAttempt]) -> [AttemptRun] {
        var runs: [AttemptRun] = []
        for attempt in attempts {
            if let last = runs.last?.last, last.outcome == attempt.outcome,
                last.errorClass == attempt.errorClass, last.errorMessage == attempt.errorMessage
            {
                runs[runs.count - 1].last = attempt
                runs[runs.count - 1].count += 1
            } else {
                runs.append(AttemptRun(first: attempt, last: attempt))
            }
        }
        return runs
    }

    /// The numbers of the attempts: `3`, or `3–17`.
    var numbers: String {
        first.attempt == last.attempt ? "\(last.attempt)" : "\(first.attempt)–\(last.attempt)"
    }

    /// How often it happened, if more than once.
    var repetition: HTML { count == 1 ? "" : "\(String(count)) times: " }
}

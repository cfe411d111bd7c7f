internal import Reactor
internal import Salesforce

/// The consequence of an error for a whole request with writes that was certainly not carried out.
enum RequestVerdict: Sendable, Equatable {
    /// All rows are sent again after this pause.
    case retry(after: Duration)
    /// The org's fields differ from the description: describe the object again, and send the rows again.
    case describe
    /// The request holds something that the org refuses: the rows are sent in smaller requests, and a single
    /// row is refused.
    case split(WriteProblem)

    /// - Parameter failures: failures of the batch's table in a row, at least 1.
    init(_ error: any Error, failures: Int) {
        let pause = WritePause.after(failures)
        guard let error = error as? SalesforceError else {
            // A token that cannot be refreshed: the tenant's work ends by itself if its grant does.
            self = .retry(after: max(pause, .seconds(10)))
            return
        }
        let asked = error.retryAfterSeconds.map { Duration.seconds($0) }
        switch error.code {
        case .invalidField, .invalidType, .notFound:
            self = failures < 3 ? .describe : .split(WriteProblem(error))
        case .requestLimit, .rateLimited, .forbidden, .unauthorized, .accessDenied, .invalidGrant,
            .invalidClient:
            self = .retry(after: max(asked ?? pause, .seconds(30)))
        case .validation, .duplicateValue, .malformedID, .malformedQuery, .conflict, .entityDeleted,
            .tooLarge, .rejected:
            self = .split(WriteProblem(error))
        default: self = .retry(after: asked ?? pause)
        }
    }
}

/// The error of a request that was certainly not carried out.
struct UnsentRequest: Error {
    let error: any Error

    /// Runs `body`, which gets a token and sends one request, and marks its errors if nothing was carried
    /// out: Salesforce says so, or there was no token, so that the error is not one of the request.
    static func marking<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as SalesforceError {
            if error.isDoubtful { throw error }
            throw UnsentRequest(error: error)
        } catch let error where !(error is CancellationError) {
            throw UnsentRequest(error: error)
        }
    }
}

extension WriteProblem {
    init(_ error: SalesforceError) {
        self.init(error.errorCode ?? error.code.rawValue, error.message, fields: error.fields)
    }

    init(_ error: RecordError) {
        self.init(error.code, error.message, fields: error.fields)
    }
}

/// Decides how a row ended from Salesforce's result.
enum RowVerdict {
    /// Codes of errors that pass: another transaction held a lock, or the org was busy. The row's
    /// transaction was rolled back.
    /// Source: SOAP API Developer Guide, "StatusCode".
    private static let passing: Set<String> = [
        "UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT",
        "PROCESSING_HALTED", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "UNKNOWN_EXCEPTION",
        "REQUEST_LIMIT_EXCEEDED",
    ]

    /// - Parameters:
    ///   - sfid: the record, if it was known before.
    ///   - tries: tries of the row so far, this one included.
    static func end(
        of result: RecordResult, _ action: WriteAttempt.Action, sfid: String?, leftOut: [String], tries: Int
    ) -> WriteEnd {
        guard let error = result.errors.first else {
            return .written(sfid: result.id ?? sfid, leftOut: leftOut)
        }
        let problem = WriteProblem(error)
        // The record is gone, which is what was wanted.
        if action == .delete, problem.isDeletion { return .written(sfid: sfid, leftOut: []) }
        guard passing.contains(error.code), tries < ReplicationLimits.writeAttempts else {
            return .failed(problem)
        }
        return .retry(after: WritePause.after(tries), problem)
    }
}

/// Pauses between tries to write.
enum WritePause {
    private static let backoff = Backoff(
        initial: ReplicationLimits.firstWritePause, maximum: ReplicationLimits.longestWritePause, jitter: 0.2)

    /// - Parameter failures: at least 1.
    static func after(_ failures: Int) -> Duration {
        backoff.pause(after: max(1, failures), chance: .random(in: 0...1))
    }
}

internal import Jobs
internal import Organizations
internal import Postgres
internal import Salesforce

/// Whether an import or a provisioning that failed may succeed when it is tried again.
enum FaultVerdict: Sendable, Equatable {
    /// Passes by itself: retried until the job's attempts are used up.
    case transient
    /// Not known: retried up to `ReplicationLimits.unclearAttempts` times.
    case unclear
    /// Fails in the same way until somebody changes something: not retried.
    case permanent
    /// Says nothing about the tenant: the job is another worker's, or was asked to end, or the tenant may not be
    /// worked for.
    case interrupted

    init(_ error: any Error) {
        switch error {
        case is CancellationError: self = .interrupted
        case let error as JobsError:
            let ends: Set<JobsError.Code> = [.claimLost, .cancelled, .timedOut]
            self = ends.contains(error.code) ? .interrupted : .unclear
        case let error as ReplicationError: self = Self.verdict(on: error.code)
        case let error as SalesforceError: self = Self.verdict(on: error)
        case let error as OrganizationsError: self = Self.verdict(on: error.code)
        case let error as PostgresError: self = Self.verdict(on: error)
        default: self = .unclear
        }
    }

    /// Whether a job gives up after so many failures in a row, this one included.
    func endsJob(failures: Int) -> Bool {
        switch self {
        case .permanent: true
        case .unclear: failures >= ReplicationLimits.unclearAttempts
        case .transient, .interrupted: false
        }
    }

    private static func verdict(on code: ReplicationError.Code) -> FaultVerdict {
        switch code {
        case .invalidMappingFile, .notFound, .tooManyQuarantined, .sharedTable, .givenUp: .permanent
        case .databaseUnsuitable, .unexpectedColumns, .incompletePage, .rowCountMismatch, .bulkJobLost,
            .malformedResponse, .repeatedLocator:
            .unclear
        case .claimLost: .interrupted
        }
    }

    private static func verdict(on error: SalesforceError) -> FaultVerdict {
        if error.isTransient { return .transient }
        return switch error.code {
        // "API is currently disabled": Salesforce's own maintenance.
        case .forbidden where error.errorCode == "API_CURRENTLY_DISABLED": .transient
        case .forbidden, .malformedQuery, .malformedID, .tooLarge, .hostNotAllowed, .unsupportedVersion,
            .notSupportedByBulk:
            .permanent
        // What a describe showed and a query does not find was removed in between: the next start describes anew.
        default: .unclear
        }
    }

    private static func verdict(on code: OrganizationsError.Code) -> FaultVerdict {
        switch code {
        case .unauthorized, .unknownOrganization, .illegalTransition: .interrupted
        case .refreshTimedOut, .refreshRefused: .transient
        case .malformedArguments, .mailRefused: .permanent
        case .wrongSecret, .unreadableCredential, .malformedRow: .unclear
        }
    }

    private static func verdict(on error: PostgresError) -> FaultVerdict {
        if error.isTransient || error.isConnectionLoss { return .transient }
        switch error.code {
        case .closed: return .transient
        case .configuration, .invalidArgument: return .permanent
        case .server:
            guard let state = error.sqlState else { return .unclear }
            // A table or column that somebody removed is made again by the next start.
            if state == .undefinedTable || state == .undefinedColumn { return .unclear }
            // What the server does not offer, values, constraints, privileges and names, limits, triggers that raise.
            return ["0A", "22", "23", "42", "54", "P0"].contains(state.classCode) ? .permanent : .unclear
        default: return .unclear
        }
    }
}

/// Why an import or a provisioning failed, in words for operators.
enum FaultReason {
    /// Names no values of rows, except where Salesforce quotes some.
    static func text(_ error: any Error) -> String {
        let text =
            switch error {
            case let error as SalesforceError: error.debugDescription
            case let error as ReplicationError: error.message.isEmpty ? error.description : error.message
            case let error as PostgresError: postgres(error)
            default: "\(error)"
            }
        return String(text.prefix(ReplicationLimits.reasonCharacters))
    }

    private static func postgres(_ error: PostgresError) -> String {
        // These classes quote the value that does not fit.
        let quotesValues = error.sqlState.map { ["22", "23", "P0"].contains($0.classCode) } ?? false
        return error.message.isEmpty || quotesValues ? "\(error)" : "\(error): \(error.message)"
    }
}

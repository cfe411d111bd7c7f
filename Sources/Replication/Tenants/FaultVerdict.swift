internal import Jobs
internal import Organizations
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Whether a failed import or provisioning can succeed when it is tried again.
enum FaultVerdict: Sendable, Equatable {
    /// Temporary: retried until the job's attempts are used up.
    case transient
    /// Unknown: retried up to `ReplicationLimits.unclearAttempts` times.
    case unclear
    /// Permanent until an operator or admin changes something: not retried.
    case permanent
    /// Not an error of the tenant: the claim is lost, the job was asked to end, or the tenant has no consent.
    case interrupted

    init(_ error: any Error) {
        switch error {
        case is CancellationError: self = .interrupted
        case let error as JobsError:
            let ends: Set<JobsError.Code> = [.claimLost, .cancelled, .timedOut]
            self = ends.contains(error.code) ? .interrupted : .unclear
        case let error as ReplicationError: self = Self.verdict(on: error.code)
        case is TenantSchemaError: self = .permanent
        case let error as SalesforceError: self = Self.verdict(on: error)
        case let error as OrganizationsError: self = Self.verdict(on: error.code)
        case let error as PostgresError: self = Self.verdict(on: error)
        default: self = .unclear
        }
    }

    /// True if a job is given up after this many failures in a row, including this one.
    func endsJob(failures: Int) -> Bool {
        switch self {
        case .permanent: true
        case .unclear: failures >= ReplicationLimits.unclearAttempts
        case .transient, .interrupted: false
        }
    }

    private static func verdict(on code: ReplicationError.Code) -> FaultVerdict {
        switch code {
        case .notFound, .tooManyQuarantined, .sharedTable, .tableObstructed, .invalidFilter, .givenUp,
            .invalidSettings, .outdatedMapping, .unsentChanges:
            .permanent
        case .databaseUnsuitable, .unexpectedColumns, .incompletePage, .rowCountMismatch, .bulkJobLost,
            .malformedResponse, .repeatedLocator, .unknownCell:
            .unclear
        case .claimLost, .leaseLost: .interrupted
        }
    }

    private static func verdict(on error: SalesforceError) -> FaultVerdict {
        if error.isTransient { return .transient }
        return switch error.code {
        // "API is currently disabled": Salesforce's own maintenance.
        case .forbidden where error.errorCode == "API_CURRENTLY_DISABLED": .transient
        case .forbidden, .malformedQuery, .malformedID, .tooLarge, .hostNotAllowed,
            .notSupportedByBulk:
            .permanent
        // For example a field that was removed after the describe: the next start describes again.
        default: .unclear
        }
    }

    private static func verdict(on code: OrganizationsError.Code) -> FaultVerdict {
        switch code {
        case .unauthorized, .unknownOrganization, .illegalTransition: .interrupted
        case .refreshTimedOut, .refreshRefused, .webhookFailed: .transient
        case .malformedArguments, .mailRefused, .webhookRefused: .permanent
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
            // The next start creates a missing table or column again.
            if state == .undefinedTable || state == .undefinedColumn { return .unclear }
            // Unsupported features, data, constraints, privileges and names, limits, exceptions of triggers.
            return ["0A", "22", "23", "42", "54", "P0"].contains(state.classCode) ? .permanent : .unclear
        default: return .unclear
        }
    }
}

/// Why an import or a provisioning failed, as text for operators.
enum FaultReason {
    /// Contains no values of rows, except those that Salesforce quotes.
    static func text(_ error: any Error) -> String {
        let text =
            switch error {
            case let error as SalesforceError: error.debugDescription
            case let error as ReplicationError: error.message.isEmpty ? error.description : error.message
            case let error as TenantSchemaError: error.message.isEmpty ? error.description : error.message
            case let error as PostgresError: postgres(error)
            default: "\(error)"
            }
        return String(text.prefix(ReplicationLimits.reasonCharacters))
    }

    private static func postgres(_ error: PostgresError) -> String {
        // Messages of these classes quote the value.
        let quotesValues = error.sqlState.map { ["22", "23", "P0"].contains($0.classCode) } ?? false
        return error.message.isEmpty || quotesValues ? "\(error)" : "\(error): \(error.message)"
    }
}

internal import Organizations
internal import Postgres
internal import Salesforce

/// The consequence of an error while changes are read.
enum ChangeFailure: Sendable, Equatable {
    /// The task is cancelled or the lease is lost: nothing may be written any more.
    case ends
    /// A try in a few seconds may succeed.
    case passes
    /// The org's schema differs from the plan: check it.
    case schema
    /// The step concerns one table, which refuses it.
    case table
    /// The tenant's grant or its quota: try much later.
    case tenant

    init(_ error: any Error) {
        switch error {
        case is CancellationError: self = .ends
        case let error as ReplicationError:
            switch error.code {
            case .leaseLost, .claimLost, .unknownCell: self = .ends
            case .incompletePage, .bulkJobLost: self = .passes
            default: self = .table
            }
        case let error as SalesforceError:
            switch error.code {
            case .invalidField, .invalidType, .notFound: self = .schema
            case .requestLimit, .rateLimited, .forbidden, .unauthorized, .accessDenied, .invalidGrant:
                self = .tenant
            default: self = error.isTransient ? .passes : .table
            }
        case let error as OrganizationsError: self = error.code == .refreshTimedOut ? .passes : .tenant
        case let error as PostgresError:
            if error.isTransient || error.isConnectionLoss {
                self = .passes
            } else {
                self = Self.failure(error)
            }
        default: self = .passes
        }
    }

    private static func failure(_ error: PostgresError) -> ChangeFailure {
        switch error.code {
        case .server:
            guard let state = error.sqlState else { return .passes }
            // A trigger that exceeds the statement time-out would exceed it again.
            if state == .queryCancelled { return .table }
            // The server or the session. All others concern the table: its names, data and triggers.
            return ["25", "26", "28", "3D", "57", "58", "XX"].contains(state.classCode) ? .passes : .table
        case .closed: return .ends
        case .invalidArgument, .decoding: return .table
        default: return .passes
        }
    }
}

/// Pauses between tries that fail.
enum ChangePause {
    /// The pause that the org, its budget or its circuit asked for. Nil if none did.
    static func asked(_ error: any Error) -> Duration? {
        (error as? SalesforceError)?.retryAfterSeconds.map {
            min(.seconds($0), ReplicationLimits.longestPollPause)
        }
    }

    /// - Parameter failures: failures in a row, at least 1.
    static func after(_ failure: ChangeFailure, failures: Int) -> Duration {
        let growing = ReplicationLimits.firstPollPause * (1 << min(max(failures, 1) - 1, 10))
        switch failure {
        case .tenant: return min(max(growing, .seconds(60)), ReplicationLimits.longestPollPause)
        case .table, .schema: return min(max(growing, .seconds(60)), ReplicationLimits.longestPollPause)
        case .passes, .ends: return min(growing, .seconds(5 * 60))
        }
    }
}

import Jobs
import Organizations
import Replication
import TenantSchema

/// Decides for each error of a job's handler whether the job is retried.
enum RetryTable {
    static func decision(for error: any Error) -> RetryDecision {
        if let decision = OrganizationRetry.decision(for: error) { return decision }
        switch error {
        // Only a new deployment fixes a mapping file. A deleted mapping does not come back.
        case let error as ReplicationError
        where [.notFound, .givenUp, .unsentChanges].contains(error.code):
            return .discard
        case is TenantSchemaError: return .discard
        default: return .retry
        }
    }
}

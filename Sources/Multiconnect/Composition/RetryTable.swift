import HTTPClient
import Jobs
import Organizations
import Postgres
import Redis
import Replication

/// What an error of a job's handler means for the job: the one table for all targets.
enum RetryTable {
    static func decision(for error: any Error) -> RetryDecision {
        if let decision = OrganizationRetry.decision(for: error) { return decision }
        switch error {
        // Nothing but a new deployment mends a mapping file; what is gone does not come back.
        case let error as ReplicationError
        where [.invalidMappingFile, .notFound, .givenUp].contains(error.code):
            return .discard
        // A cell that nobody configured yet, a database that is away, a line that broke: time may mend it.
        case is LoopServices.UnknownCell, is PostgresError, is RedisError, is HTTPClientError: return .retry
        default: return .retry
        }
    }
}

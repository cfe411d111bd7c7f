package import FoundationEssentials
package import Jobs
import Postgres

/// Jobs of one class that failed with the same class of error.
package struct JobErrorGroup: Sendable, Equatable {
    package let className: String
    package let errorClass: String
    package let state: JobState
    package let count: Int
    /// The time of the newest; see `JobPosition`.
    package let latest: Date
    /// The beginning of the newest error's text.
    package let sample: String
    /// Tenants with such a job.
    package let tenants: Int

    init(row: Row, state: JobState) throws {
        className = try row["class"]
        errorClass = try row["error_class"]
        self.state = state
        count = try row["count"]
        latest = try row["latest"]
        sample = try row["sample"] ?? ""
        tenants = try row["tenants"]
    }
}

/// The failed jobs that match a filter, by class and error.
package struct JobErrorGroups: Sendable {
    /// Most jobs first.
    package let groups: [JobErrorGroup]
    /// True if older jobs were not read.
    package let isCutShort: Bool
}

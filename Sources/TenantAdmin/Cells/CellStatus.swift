/// A cell as operators see it.
package struct CellStatus: Sendable {
    package let name: String
    package let answer: Answer

    /// The answer of the cell.
    package enum Answer: Sendable {
        case report(Report)
        case failure(String)
    }

    /// The report of a cell that answers.
    package struct Report: Sendable, Equatable {
        /// The version of Postgres.
        package let version: String
        /// The size; nil if it was not asked for, or not found in time.
        package var bytes: Int?
        package let sessions: Int
        /// Tenants with a lease.
        package let tenants: Int
        /// Tenants that no worker reads at present.
        package let free: Int
        /// From commits in Salesforce to their application, over the tenants with recent changes, in seconds.
        package let lag: Lag?
    }

    /// How late changes are applied.
    package struct Lag: Sendable, Equatable {
        package let median: Double
        package let high: Double
        package let maximum: Double
    }

    package var report: Report? {
        if case .report(let report) = answer { report } else { nil }
    }
}

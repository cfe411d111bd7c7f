/// Counts of all tenants, for metrics. Their number does not grow with the number of tenants.
package struct TenantFigures: Sendable, Equatable {
    /// A count for each value of a label.
    package typealias Counts = [String: Int]

    /// Tenants by status.
    package var tenants: Counts = [:]
    /// Mappings by state.
    package var mappings: Counts = [:]
    /// Open notifications by kind.
    package var notifications: Counts = [:]
    /// Tenants that have used more than a percentage of their API calls of a day.
    package var apiUsed: Counts = [:]
    /// By name. Nil for a cell that does not answer.
    package var cells: [String: Cell?] = [:]

    package init() {}

    /// The counts of one cell.
    package struct Cell: Sendable, Equatable {
        /// Leases with a living holder, and free ones.
        package var leases: Counts = [:]
        /// Tenants by how their changes arrive.
        package var streams: Counts = [:]
        /// Tenants whose last change arrived more than this many seconds after its commit.
        package var late: Counts = [:]
        /// Tenants that have used more than a percentage of their delivered events of a day.
        package var eventsUsed: Counts = [:]
        /// Requests with writes whose outcome is open, by state.
        package var openAttempts: Counts = [:]
        /// Users' changes that wait to be sent, over all tenants. Counting stops at a limit per tenant.
        package var waitingWrites = 0
        /// Tenants with at least this many waiting changes.
        package var behind: Counts = [:]
        /// Records that wait for a re-read. Counting stops at a limit.
        package var rereads = 0

        package init() {}
    }

    /// The sum over all cells that answer.
    package func sum(_ counts: (Cell) -> Counts) -> Counts {
        cells.values.reduce(into: [:]) { sum, cell in
            if let cell { sum.merge(counts(cell)) { $0 + $1 } }
        }
    }

    /// Percentages of an allowance at which tenants are counted.
    package static let percentages = [50, 80, 95]
    /// Numbers of waiting changes at which tenants are counted.
    package static let backlogs = [1, 100, 10_000]
    /// Seconds of lag at which tenants are counted.
    package static let lags = [10, 60, 300, 3_600]
}

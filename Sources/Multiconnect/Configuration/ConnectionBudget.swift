import Jobs

/// Divides `DATABASE_CONNECTIONS` among the pools of a process.
///
/// A job may hold a connection of its cell while it waits for one of the control database, but never the
/// reverse. So the two pools are separate even for the same database, and a deadlock is impossible.
struct ConnectionBudget: Equatable, Sendable {
    /// Connections of each loop to the control database.
    let control: Int
    /// Connections of each loop to each cell.
    let cell: Int

    /// A worker's connections outside of the pools: for its session lock, for claims of jobs, and in each
    /// cell for the leases of tenants.
    static func workerReserve(cells: Int) -> Int { 1 + JobsLimits().ownConnections + cells }

    /// The most loops for which the connections of a worker suffice, with two per cell. So a machine with
    /// many cores starts with the default settings.
    static func loops(total: Int, cells: Int) -> Int {
        max(1, (total - workerReserve(cells: cells)) / (1 + 2 * cells))
    }

    /// - Parameter reserved: connections outside of the pools.
    init(total: Int, loops: Int, cells: Int, reserved: Int) throws(ConfigurationProblems) {
        let perLoop = (total - reserved) / loops
        let least = 1 + cells
        guard perLoop >= least else {
            throw ConfigurationProblems(problems: [
                "DATABASE_CONNECTIONS is \(total), but \(loops) loops and \(cells) cells need at least "
                    + "\(loops * least + reserved): raise it, or lower LOOPS"
            ])
        }
        // An import holds a cell's connection for minutes. Control statements take milliseconds.
        cell = max(1, perLoop * 2 / (3 * cells))
        control = perLoop - cell * cells
    }
}

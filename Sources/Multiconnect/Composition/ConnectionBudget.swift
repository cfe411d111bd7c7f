import Jobs

/// How many Postgres connections each pool of a process may hold, out of one budget: `DATABASE_CONNECTIONS`.
///
/// A job may hold a connection of its cell while it asks for one of the control database, never the other way round, so
/// the two pools are apart even where they lead to one database: nobody waits in a circle.
struct ConnectionBudget: Equatable, Sendable {
    /// For each loop, of the control database.
    let control: Int
    /// For each loop, of each cell.
    let cell: Int

    /// A worker's connections beside its pools: the one that proves that it lives, and the one that renews leases.
    static let workerReserve = 1 + JobsLimits().ownConnections

    /// How many loops so many connections are enough for, in a worker, with two for each cell: a machine with more
    /// cores than that must start with what the settings give it.
    static func loops(total: Int, cells: Int) -> Int {
        max(1, (total - workerReserve) / (1 + 2 * cells))
    }

    /// `reserved`: connections beside the pools, such as the one that proves that a worker lives.
    init(total: Int, loops: Int, cells: Int, reserved: Int) throws(ConfigurationProblems) {
        let perLoop = (total - reserved) / loops
        let least = 1 + cells
        guard perLoop >= least else {
            throw ConfigurationProblems(problems: [
                "DATABASE_CONNECTIONS is \(total), but \(loops) loops and \(cells) cells need at least "
                    + "\(loops * least + reserved); raise it, or lower LOOPS"
            ])
        }
        // Imports hold a cell's connection for minutes, control statements one for milliseconds.
        cell = max(1, perLoop * 2 / (3 * cells))
        control = perLoop - cell * cells
    }
}

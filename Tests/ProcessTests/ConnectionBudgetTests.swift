import Testing

@testable import Multiconnect

/// The connections of a process.
struct ConnectionBudgetTests {
    @Test func `the default number of connections lets a worker use two cores`() {
        let total = Configuration.Defaults.databaseConnections
        #expect(ConnectionBudget.loops(total: total, cells: 1) == 2)
    }

    @Test(arguments: [(9, 1), (9, 2), (20, 1), (20, 3), (100, 5)])
    func `the pools, the leases and the claims of a worker stay within the total`(
        total: Int, cells: Int
    ) throws {
        let loops = ConnectionBudget.loops(total: total, cells: cells)
        let reserved = ConnectionBudget.workerReserve(cells: cells)
        #expect(reserved == 2 + cells, "a session lock, claims of jobs, and leases in each cell")
        let budget = try ConnectionBudget(total: total, loops: loops, cells: cells, reserved: reserved)
        #expect(reserved + loops * (budget.control + cells * budget.cell) <= total)
        #expect(budget.control >= 1 && budget.cell >= 1)
    }

    @Test func `too few connections are refused with the number that is needed`() {
        let problems = #expect(throws: ConfigurationProblems.self) {
            try ConnectionBudget(
                total: 4, loops: 1, cells: 1, reserved: ConnectionBudget.workerReserve(cells: 1))
        }
        #expect(problems?.problems.first?.contains("need at least 5") == true)
    }
}

import OrgSimulator
import Reactor
import Support

/// Runs a simulator with small orgs on loopback while `body` runs, which gets them and their login URL.
func withSimulatedOrgs(
    _ count: Int, _ body: @concurrent @Sendable ([Simulator.OrgSummary], String) async throws -> Void
) async throws {
    var configuration = SimulatorConfiguration()
    configuration.orgs = count
    configuration.accounts = 5
    configuration.contacts = 5
    configuration.tweets = 1
    let simulator = Simulator(configuration, logger: quietLogger)
    try await withLoop {
        let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await simulator.serve(on: listener) }
            try await body(simulator.orgs, "http://127.0.0.1:\(listener.address.port)")
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}

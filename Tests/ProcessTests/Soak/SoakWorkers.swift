import Foundation
import Postgres
import Support
import Synchronization

/// The workers of a soak, which several seeds kill.
final class SoakWorkers: Sendable {
    private let deployment: Deployment
    private let environment: [String: String]
    private let programs: Mutex<[Program]>

    /// - Parameter fault: a fault that the workers have.
    init(_ deployment: Deployment, count: Int, fault: String?) throws {
        self.deployment = deployment
        environment = fault.map { ["PLANTED_FAULT": $0] } ?? [:]
        programs = Mutex([])
        for _ in 0..<count { try start() }
    }

    private func start() throws {
        let program = try deployment.startWorker(environment)
        programs.withLock { $0.append(program) }
    }

    /// The end of each worker's log.
    var log: String {
        programs.withLock { $0 }.map { String($0.output.suffix(3_000)) }.joined(separator: "\n---\n")
    }

    /// Kills the worker that holds the org's tenant, and starts another one.
    ///
    /// - Parameter place: the worker to kill if none holds the tenant.
    func killHolder(of org: Deployment.Org, else place: Int) async throws {
        let name = try await deployment.withConnection(deployment.databaseURL) { connection in
            try await connection.query(
                """
                select h.worker from multiconnect_sync.lease_holders h
                join multiconnect_sync.leases l on l.holder = h.id
                join multiconnect.organizations o on o.id = l.organization_id where o.org_id = \(org.id)
                """
            ).first.map { try $0["worker", as: String.self] }
        }
        let killed = programs.withLock { programs -> Program? in
            let holder = programs.firstIndex { name?.contains(":\($0.pid):") == true }
            guard let index = holder ?? (programs.indices.contains(place) ? place : nil) else { return nil }
            return programs.remove(at: index)
        }
        guard let killed else { return }
        killed.kill()
        try start()
    }

    /// Stops all workers in order, and starts as many.
    func restart() throws {
        let old = programs.withLock { programs in
            defer { programs = [] }
            return programs
        }
        for program in old { program.signal(SIGTERM) }
        for program in old { _ = program.exitStatus() }
        for _ in old { try start() }
    }

    func kill() {
        for program in programs.withLock({ $0 }) { program.kill() }
    }
}

import Foundation
import Postgres
import Support
import Synchronization

/// The workers of a soak, which several seeds kill.
final class SoakWorkers: Sendable {
    private let deployment: Deployment
    private let environment: [String: String]
    private let programs: Mutex<[Program]>
    private let frozen = Mutex<[Program]>([])
    private let count: Int

    /// - Parameter fault: a fault that the workers have.
    init(_ deployment: Deployment, count: Int, fault: String?) throws {
        self.deployment = deployment
        self.count = count
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
        programs.withLock { $0 }.map { String($0.output.suffix(6_000)) }.joined(separator: "\n---\n")
    }

    /// Kills the worker that holds the org's tenant, and starts another one.
    ///
    /// - Parameter place: the worker to kill if none holds the tenant.
    func killHolder(of org: Deployment.Org, else place: Int) async throws {
        guard let killed = try await takeHolder(of: org, else: place) else { return }
        killed.kill()
        try start()
    }

    /// Suspends the worker that holds the org's tenant until `thaw`, and starts another one.
    func freezeHolder(of org: Deployment.Org) async throws {
        guard let program = try await takeHolder(of: org, else: nil) else { return }
        program.signal(SIGSTOP)
        frozen.withLock { $0.append(program) }
        try start()
    }

    /// Continues all suspended workers.
    func thaw() {
        let thawed = frozen.withLock { frozen in
            defer { frozen = [] }
            return frozen
        }
        for program in thawed { program.signal(SIGCONT) }
        programs.withLock { $0 += thawed }
    }

    private func takeHolder(of org: Deployment.Org, else place: Int?) async throws -> Program? {
        let name = try await deployment.withConnection(deployment.databaseURL) { connection in
            try await connection.query(
                """
                select h.worker from multiconnect_sync.lease_holders h
                join multiconnect_sync.leases l on l.holder = h.id
                join multiconnect.organizations o on o.id = l.organization_id where o.org_id = \(org.id)
                """
            ).first.map { try $0["worker", as: String.self] }
        }
        return programs.withLock { programs -> Program? in
            let holder = programs.firstIndex { name?.contains(":\($0.pid):") == true }
            guard let index = holder ?? place, programs.indices.contains(index) else { return nil }
            return programs.remove(at: index)
        }
    }

    /// Stops all workers in order, and starts new ones.
    func restart() throws {
        let old = programs.withLock { programs in
            defer { programs = [] }
            return programs
        }
        for program in old { program.signal(SIGTERM) }
        for program in old { _ = program.exitStatus() }
        for _ in 0..<count { try start() }
    }

    func kill() {
        for program in programs.withLock({ $0 }) + frozen.withLock({ $0 }) { program.kill() }
    }
}

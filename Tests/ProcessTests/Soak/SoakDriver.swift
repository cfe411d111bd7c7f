import Foundation
import FoundationNetworking
import Postgres
import Reactor
import Support
import Testing

/// Runs one seed: random changes of an org while real workers read them and are killed.
struct SoakDriver: Sendable {
    let options: SoakOptions
    let seed: UInt64

    /// Formula and roll-up fields, which neither events nor polls bring.
    private static let calculated: Set = ["revenue_per_employee__c", "contact_count__c"]

    /// A failed seed, with the command that repeats it.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    func run() async throws {
        print("soak seed \(seed): \(options.replay(seed))")
        let mapping = try Self.mappingFile()
        defer { try? FileManager.default.removeItem(at: mapping) }
        try await withDatabase { database in
            let deployment = try await Deployment(
                .init(
                    simulator: [
                        "--orgs", "1", "--accounts", "150", "--contacts", "120", "--tweets", "40", "--seed",
                        "\(seed)", "--event-delay", "3000",
                    ], environment: ["MAPPING_FILE": mapping.path]), database: database)
            let web = try await deployment.startWeb()
            var workers = try (0..<SoakPlan.workers).map { _ in try deployment.startWorker() }
            do {
                try await run(deployment, &workers)
            } catch {
                let log = workers.map { String($0.output.suffix(3_000)) }.joined(separator: "\n---\n")
                throw Failure(description: "seed \(seed): \(error)\n\(options.replay(seed))\n\(log)")
            }
            for worker in workers { worker.kill() }
            web.kill()
            try await deployment.stop()
        }
    }

    private func run(_ deployment: Deployment, _ workers: inout [Program]) async throws {
        let org = try await deployment.orgs()[0]
        _ = try await deployment.install(org)
        _ = try await deployment.consent(org)
        try await deployment.waitUntil(org, is: "live")
        try await Self.waitForStream(deployment)
        for step in SoakPlan(options, seed: seed).steps { try await take(step, deployment, &workers) }
        try await send("{\"kind\":\"clear\"}", to: "/simulator/faults", deployment)
        let oracle = SoakOracle(
            simulator: deployment.simulatorURL, databaseURL: deployment.cellURL, schema: org.schema,
            objects: SoakPlan.objects)
        try await expectArrived(oracle, deployment, &workers)
        try await expectRepaired(oracle, deployment)
    }

    /// Everything that events and polls bring must arrive without a repair.
    private func expectArrived(
        _ oracle: SoakOracle, _ deployment: Deployment, _ workers: inout [Program]
    ) async throws {
        // The events of the last changes come up to 3 s later.
        try await Task.sleep(for: .seconds(4))
        try await expectEqual(oracle, "after events") {
            $0 != "systemmodstamp" && !Self.calculated.contains($0)
        }
        // A poll that is sent this long after an event cannot be older, and brings the exact SystemModstamp.
        try await Task.sleep(for: .seconds(11))
        // A worker that starts polls each object from its time mark.
        for index in workers.indices {
            workers[index].signal(SIGTERM)
            _ = workers[index].exitStatus()
            workers[index] = try deployment.startWorker()
        }
        try await expectEqual(oracle, "after polls") { !Self.calculated.contains($0) }
    }

    /// Repairs bring the rest: formula and roll-up fields.
    private func expectRepaired(_ oracle: SoakOracle, _ deployment: Deployment) async throws {
        try await deployment.withConnection(deployment.databaseURL) { connection in
            _ = try await connection.execute(
                "update multiconnect.mappings set repair_due_at = now(), formulas_due_at = now()")
            _ = try await connection.execute(
                "update multiconnect.periodic_jobs set next_run_at = now() where name = 'schedule-repairs'")
        }
        try await expectEqual(oracle, "after repairs", isRepaired: true) { _ in true }
    }

    private func expectEqual(
        _ oracle: SoakOracle, _ when: String, isRepaired: Bool = false,
        _ columns: @Sendable (String) -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(options.quietSeconds)
        while true {
            let purged = isRepaired ? [] : try await oracle.purged()
            let differences = try await oracle.differences(columns).filter {
                $0.there != nil || $0.column != "(row)" || !purged.contains($0.id)
            }
            if differences.isEmpty { return }
            guard .now < deadline else {
                let list = differences.prefix(20).map { "  \($0)" }.joined(separator: "\n")
                throw Failure(description: "\(differences.count) differences \(when):\n\(list)")
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func take(
        _ step: SoakPlan.Step, _ deployment: Deployment, _ workers: inout [Program]
    ) async throws {
        switch step {
        case .change(let body): try await send(body, to: "/simulator/orgs/1/changes", deployment)
        case .fault(let body): try await send(body, to: "/simulator/faults", deployment)
        case .pause(let milliseconds): try await Task.sleep(for: .milliseconds(milliseconds))
        case .kill(let worker):
            workers[worker].kill()
            workers[worker] = try deployment.startWorker()
        }
    }

    private func send(_ body: String, to path: String, _ deployment: Deployment) async throws {
        let answer = try await deployment.post(deployment.simulatorURL + path, body: body)
        guard (200..<300).contains(answer.status) else {
            throw Failure(description: "\(path) \(body): \(answer.status) \(answer.text)")
        }
    }

    /// Waits until the tenant's stream is connected. A system that only polls must arrive at the same rows.
    private static func waitForStream(_ deployment: Deployment) async throws {
        try? await eventually(within: .seconds(20), "the stream is connected") {
            try await deployment.withConnection(deployment.cellURL) { connection in
                try await connection.query(
                    "select exists (select from multiconnect_sync.stream_states where state = 'connected')"
                ).scalar()
            }
        }
    }

    /// The default mapping with formula fields and short polls.
    private static func mappingFile() throws -> URL {
        let source = Program.repository.appendingPathComponent("config/mapping.json")
        guard
            var document = try JSONSerialization.jsonObject(with: Data(contentsOf: source)) as? [String: Any],
            var mappings = document["mappings"] as? [[String: Any]]
        else { throw Failure(description: "config/mapping.json is not an object") }
        for index in mappings.indices {
            var config = mappings[index]["config"] as? [String: Any] ?? [:]
            config["sf_polling_seconds"] = 10
            if mappings[index]["object_name"] as? String == "Account" {
                var fields = config["fields"] as? [String: Any] ?? [:]
                fields["Contact_Count__c"] = [String: Any]()
                fields["Revenue_Per_Employee__c"] = [String: Any]()
                config["fields"] = fields
            }
            mappings[index]["config"] = config
        }
        document["mappings"] = mappings
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "soak-\(UUID().uuidString).json")
        try JSONSerialization.data(withJSONObject: document).write(to: file)
        return file
    }
}

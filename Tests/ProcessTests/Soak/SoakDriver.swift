import Foundation
import FoundationNetworking
import Postgres
import Reactor
import Support
import Testing

/// Runs some seeds at the same time: random changes of an org each, while real workers read them and are
/// killed.
struct SoakDriver: Sendable {
    let options: SoakOptions
    let seeds: [UInt64]

    /// Formula and roll-up fields, which neither events nor polls bring.
    private static let calculated: Set = ["revenue_per_employee__c", "contact_count__c"]

    /// A failed comparison, with the command that repeats it.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    func run() async throws {
        print("soak seeds \(seeds): \(options.replay(seeds))")
        let mapping = try mappingFile()
        defer { try? FileManager.default.removeItem(at: mapping) }
        try await withDatabase { database in
            let deployment = try await Deployment(
                .init(
                    simulator: [
                        "--orgs", "\(seeds.count)", "--accounts", "\(options.accounts)", "--contacts", "120",
                        "--tweets",
                        "40", "--seed", "\(seeds[0])", "--event-delay", "3000", "--record-writes",
                    ], environment: ["MAPPING_FILE": mapping.path]), database: database)
            let web = try await deployment.startWeb()
            let workers = try SoakWorkers(deployment, count: SoakPlan.workers, fault: options.fault)
            do {
                try await run(deployment, workers)
            } catch {
                throw Failure(description: "\(error)\n\(options.replay(seeds))\n\(workers.log)")
            }
            workers.kill()
            web.kill()
            try await deployment.stop()
        }
    }

    /// A seed with its org.
    private struct Place: Sendable {
        let seed: UInt64
        let org: Deployment.Org
        let oracle: SoakOracle

        let check: SoakWriteCheck

        var path: String { "/simulator/orgs/\(oracle.number)/changes" }
    }

    private func run(_ deployment: Deployment, _ workers: SoakWorkers) async throws {
        var clock = StepClock()
        let orgs = try await deployment.orgs()
        let places = zip(seeds, orgs).enumerated().map { index, pair in
            Place(
                seed: pair.0, org: pair.1,
                oracle: SoakOracle(
                    simulator: deployment.simulatorURL, number: index + 1, databaseURL: deployment.cellURL,
                    schema: pair.1.schema, objects: SoakPlan.objects),
                check: SoakWriteCheck(
                    deployment: deployment, org: pair.1, simulator: deployment.simulatorURL,
                    number: index + 1))
        }
        try await each(places, deployment) { place in
            if !options.hasEvents {
                try await send(
                    #"{"kind":"settings","settings":{"selected":[]}}"#, to: place.path, deployment)
            }
            _ = try await deployment.install(place.org)
            _ = try await deployment.consent(place.org)
            try await deployment.waitUntil(place.org, is: "live")
            if options.hasWrites { try await place.check.prepare(isMerged: options.isMerged) }
        }
        if options.hasEvents { try await Self.waitForStreams(places.count, deployment) }
        clock.note("live")
        try await each(places, deployment) { place in
            for step in SoakPlan(options, seed: place.seed).steps {
                try await take(step, place, deployment, workers)
            }
        }
        workers.thaw()
        try await send("{\"kind\":\"clear\"}", to: "/simulator/faults", deployment)
        clock.note("changed")
        if options.hasWrites {
            try await expectWritten(places, deployment)
            clock.note("written")
        }
        try await expectArrived(places, deployment, workers, &clock)
        guard !options.isShort else { return }
        try await expectRepaired(places, deployment)
        clock.note("repaired")
        print("soak seeds \(seeds): \(clock.text)")
    }

    /// Runs `body` for all seeds at the same time.
    private func each(
        _ places: [Place], _ deployment: Deployment,
        _ body: @escaping @Sendable (Place) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for place in places {
                group.addTask {
                    do {
                        try await body(place)
                    } catch {
                        let state = (try? await SoakState.text(place.org, deployment)) ?? "no state"
                        throw Failure(description: "seed \(place.seed): \(error)\n\(state)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Everything that events and polls bring must arrive without a repair.
    private func expectArrived(
        _ places: [Place], _ deployment: Deployment, _ workers: SoakWorkers, _ clock: inout StepClock
    ) async throws {
        let changed = ContinuousClock.now
        // The events of the last changes come up to 3 s later, and late rows later still.
        try await Task.sleep(for: .milliseconds(options.lateMilliseconds + 1_000))
        try await each(places, deployment) { place in
            try await expectEqual(place, "after events") {
                $0 != "systemmodstamp" && !Self.calculated.contains($0)
            }
        }
        clock.note("arrived")
        guard !options.isShort else { return }
        // A poll that is sent this long after an event cannot be older, and brings the exact SystemModstamp.
        try await Task.sleep(until: changed + .seconds(15))
        // Workers that start poll each object that was never polled.
        try await deployment.withConnection(deployment.cellURL) {
            _ = try await $0.execute("update multiconnect_sync.positions set polled_at = null")
        }
        try workers.restart()
        try await each(places, deployment) { place in
            try await expectEqual(place, "after polls") { !Self.calculated.contains($0) }
        }
        clock.note("polled")
    }

    /// Repairs bring the rest: formula and roll-up fields.
    private func expectRepaired(_ places: [Place], _ deployment: Deployment) async throws {
        try await deployment.withConnection(deployment.databaseURL) { connection in
            _ = try await connection.execute(
                "update multiconnect.mappings set repair_due_at = now(), formulas_due_at = now()")
            _ = try await connection.execute(
                "update multiconnect.periodic_jobs set next_run_at = now() where name = 'schedule-repairs'")
        }
        try await each(places, deployment) { place in
            try await expectEqual(place, "after repairs", isRepaired: true) { _ in true }
        }
    }

    /// Each change of an application is in the org, in order, and each insert once.
    private func expectWritten(_ places: [Place], _ deployment: Deployment) async throws {
        try await each(places, deployment) { place in
            let deadline = ContinuousClock.now + .seconds(options.quietSeconds)
            while true {
                let waiting = try await place.check.waiting()
                if waiting.isEmpty { break }
                guard .now < deadline else {
                    throw Failure(description: "writes wait:\n\(waiting.prefix(20).joined(separator: "\n"))")
                }
                try await Task.sleep(for: .seconds(1))
            }
            let writes = SoakPlan(options, seed: place.seed).steps.compactMap { step in
                if case .write(let write) = step { write } else { nil }
            }
            let faults = try await place.check.faults(writes, purged: place.oracle.purged())
            guard !faults.isEmpty else { return }
            throw Failure(
                description: "\(faults.count) faults of writes:\n\(faults.prefix(20).joined(separator: "\n"))"
            )
        }
    }

    private func expectEqual(
        _ place: Place, _ when: String, isRepaired: Bool = false,
        _ columns: @Sendable (String) -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(options.quietSeconds)
        while true {
            let mayStay = isRepaired || options.isShort ? [] : try await place.oracle.purged()
            let differences = try await place.oracle.differences(columns).filter {
                $0.there != nil || $0.column != "(row)" || !mayStay.contains($0.id)
            }
            if differences.isEmpty { return }
            guard .now < deadline else {
                var lines = differences.prefix(20).map { "  \($0)" }
                for difference in differences.prefix(3) {
                    lines += try await place.check.story(of: difference.id, object: difference.object)
                }
                let list = lines.joined(separator: "\n")
                throw Failure(description: "\(differences.count) differences \(when):\n\(list)")
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func take(
        _ step: SoakPlan.Step, _ place: Place, _ deployment: Deployment, _ workers: SoakWorkers
    ) async throws {
        switch step {
        case .change(let body): try await send(body, to: place.path, deployment)
        case .fault(let body):
            let fault = "{\"org\":\"\(place.oracle.number)\"," + body.dropFirst()
            try await send(fault, to: "/simulator/faults", deployment)
        case .freeze: try await workers.freezeHolder(of: place.org)
        case .lock(let object, let milliseconds):
            try await deployment.withConnection(deployment.cellURL) { connection in
                try await connection.transaction { connection in
                    _ = try await connection.query(
                        """
                        select from \(identifier: place.org.schema, object.lowercased()) t
                        order by random() limit 20 for update
                        """)
                    try await Task.sleep(for: .milliseconds(milliseconds))
                }
            }
        case .endSessions:
            _ = try await deployment.withConnection(deployment.cellURL) {
                try await $0.query(
                    """
                    select pg_terminate_backend(pid) from pg_stat_activity
                    where datname = current_database() and application_name like 'multiconnect worker%'
                    """)
            }
        case .write(let write): try await place.check.run(write)
        case .pause(let milliseconds): try await Task.sleep(for: .milliseconds(milliseconds))
        case .kill(let worker): try await workers.killHolder(of: place.org, else: worker)
        }
    }

    private func send(_ body: String, to path: String, _ deployment: Deployment) async throws {
        let answer = try await deployment.post(deployment.simulatorURL + path, body: body)
        // A trouble needs records, and the changes may have deleted all.
        let hasNoRecord = answer.status == 400 && answer.text.contains("no live record")
        guard (200..<300).contains(answer.status) || hasNoRecord else {
            throw Failure(description: "\(path) \(body): \(answer.status) \(answer.text)")
        }
    }

    /// Waits until all streams are connected. A system that only polls must arrive at the same rows.
    private static func waitForStreams(_ count: Int, _ deployment: Deployment) async throws {
        func states() async throws -> [String] {
            try await deployment.withConnection(deployment.cellURL) { connection in
                try await connection.query(
                    """
                    select concat_ws(' ', state, last_error) from multiconnect_sync.stream_states
                    where state = 'connected' or last_error is not null order by 1
                    """
                ).column()
            }
        }
        do {
            try await eventually(within: .seconds(20), "the streams are connected") {
                try await states().count { $0.hasPrefix("connected") } >= count
            }
        } catch {
            print("soak: not all streams are connected: \(try await states())")
        }
    }

    /// The default mapping with formula fields and short polls.
    private func mappingFile() throws -> URL {
        let source = Program.repository.appendingPathComponent("config/mapping.json")
        guard
            var document = try JSONSerialization.jsonObject(with: Data(contentsOf: source)) as? [String: Any],
            var mappings = document["mappings"] as? [[String: Any]]
        else { throw Failure(description: "config/mapping.json is not an object") }
        for index in mappings.indices {
            var config = mappings[index]["config"] as? [String: Any] ?? [:]
            config["sf_polling_seconds"] = options.pollingSeconds
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

/// How long the parts of a run took.
private struct StepClock {
    private(set) var text = ""
    private var last = ContinuousClock.now

    mutating func note(_ part: String) {
        text +=
            "\(text.isEmpty ? "" : ", ")\(part) after \((ContinuousClock.now - last).components.seconds) s"
        last = .now
    }
}

import ArgumentParser
import Encoding
import FoundationEssentials
import JobAdmin
import Jobs
import Organizations
import Postgres
import Replication
import Salesforce

/// `multiconnect workers`
struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "Lists the workers, and the tenants whose changes they read.",
        discussion: """
            LAG is the longest time from a commit in Salesforce to its application, over the changes of the \
            last \(LeaseStore.lagMinutes) minutes. Exit status: 0 done; 69 a database does not answer.
            """)

    @Flag(help: "List each tenant with its worker.") var tenants = false
    @Flag(help: "Print JSON.") var json = false

    /// A tenant's lease in one cell.
    private struct Held {
        let cell: String
        let lease: HeldTenant
        /// The name of the worker that holds it; nil for a free tenant.
        let worker: String?
    }

    func run() async throws {
        try await JobsSession.open("workers") { [self] session in
            let workers = try await session.jobs.workers()
            var held: [Held] = []
            for cell in session.launch.configuration.cellNames {
                let (leases, holders) = try await session.withCell(cell) { connection in
                    let store = LeaseStore()
                    return (
                        try await store.report(on: connection), try await store.holders(on: connection)
                    )
                }
                let names = Dictionary(holders.map { ($0.id, $0.worker) }) { first, _ in first }
                held += leases.map { lease in
                    Held(cell: cell, lease: lease, worker: lease.holder.map { names[$0] ?? "lost" })
                }
            }
            if tenants { return try await Self.printTenants(held, session, json: json) }
            print(json ? Self.json(workers, held).text : Self.text(workers, held, now: Date()))
        }
    }

    private static func text(_ workers: [WorkerStatus], _ held: [Held], now: Date) -> String {
        guard !workers.isEmpty else { return "no workers" }
        let rows = workers.map { worker in
            let own = held.filter { $0.worker == worker.identity }
            return [
                JobsText.plain(worker.identity), worker.condition.rawValue,
                "\(worker.busy)/\(worker.concurrency)", "\(own.count)",
                "\(own.reduce(0) { $0 + $1.lease.weight })",
                own.compactMap(\.lease.lag).max().map(JobsText.duration) ?? "-",
                JobsText.distance(worker.beatAt, from: now), worker.version ?? "-",
            ]
        }
        let free = held.count { $0.worker == nil }
        let table = TextTable.text(
            ["WORKER", "STATE", "SLOTS", "TENANTS", "WEIGHT", "LAG", "HEARTBEAT", "VERSION"], rows)
        return free == 0 ? table : table + "\n\nreleased tenants: \(free)"
    }

    private static func json(_ workers: [WorkerStatus], _ held: [Held]) -> JSONText {
        .array(
            workers.map { worker in
                let own = held.filter { $0.worker == worker.identity }
                return .object([
                    ("worker", .string(worker.identity)), ("state", .string(worker.condition.rawValue)),
                    ("slots", .number(worker.concurrency)), ("busy", .number(worker.busy)),
                    ("tenants", .number(own.count)),
                    ("weight", .number(own.reduce(0) { $0 + $1.lease.weight })),
                    ("lag_seconds", own.compactMap(\.lease.lag).max().map { .seconds($0) } ?? .null),
                    ("heartbeat_at", .time(worker.beatAt)),
                ])
            })
    }

    private static func printTenants(_ held: [Held], _ session: JobsSession, json: Bool) async throws {
        let organizations = try await session.pool.withConnection {
            try await OrganizationStore(on: $0).find(ids: Set(held.map(\.lease.organizationID)))
        }
        let named = held.map { each in
            let organization = organizations[each.lease.organizationID]
            return (
                org: organization?.organizationID.text ?? each.lease.organizationID.uuidString.lowercased(),
                status: organization?.status.rawValue ?? "unknown", held: each
            )
        }.sorted { ($0.held.worker ?? "", $0.org) < ($1.held.worker ?? "", $1.org) }
        guard !json else {
            let tenants = named.map { each in
                JSONText.object([
                    ("tenant", .string(each.org)), ("status", .string(each.status)),
                    ("worker", .optional(each.held.worker)), ("cell", .string(each.held.cell)),
                    ("epoch", .number(each.held.lease.epoch)), ("weight", .number(each.held.lease.weight)),
                    ("lag_seconds", each.held.lease.lag.map { .seconds($0) } ?? .null),
                    ("since", .time(each.held.lease.updatedAt)),
                ])
            }
            return print(JSONText.array(tenants).text)
        }
        let rows = named.map { each in
            [
                each.org, each.status, JobsText.plain(each.held.worker ?? "-"), each.held.cell,
                "\(each.held.lease.epoch)", "\(each.held.lease.weight)",
                each.held.lease.lag.map(JobsText.duration) ?? "-",
                JobsText.time(each.held.lease.updatedAt),
            ]
        }
        print(
            TextTable.text(
                ["TENANT", "STATUS", "WORKER", "CELL", "EPOCH", "WEIGHT", "LAG", "SINCE"], rows))
    }
}

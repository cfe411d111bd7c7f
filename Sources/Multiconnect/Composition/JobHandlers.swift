import JobAdmin
import Jobs
import Logging
import Organizations
import HTTPClient
import Processes
import Reactor
import Replication
import Salesforce
import SidekiqBridge
internal import TenantSchema

/// The handlers of all jobs, on one loop.
struct JobHandlers {
    let launch: Launch
    let services: LoopServices
    let mappings: MappingFile
    let budget: ConnectionBudget

    /// Slots that imports leave to other jobs.
    private static let slotsForShortJobs = 2

    var recovery: TenantRecovery {
        TenantRecovery(control: services.control, queue: services.queue, logger: launch.logger)
    }

    /// The work for each tenant that the worker holds, on this loop.
    func tenantWork() throws -> TenantWork {
        let sync = TenantSync(
            SyncServices(
                try replication(), queue: services.queue, watch: services.watch, tallies: services.changes))
        let writes = TenantWrites(WriteServices(try replication(), tallies: services.writes))
        let events = TenantEvents(try replication())
        return { run in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await sync.run(run) }
                group.addTask { try await sync.noting(run) { try await writes.run(run) } }
                group.addTask { try await sync.noting(run) { try await events.run(run) } }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
    }

    private func replication() throws -> ReplicationServices {
        ReplicationServices(
            control: services.control, cells: services.cells, sessions: services.sessions,
            settings: try replicationSettings(), plans: services.plans, imports: services.imports,
            logger: launch.logger)
    }

    func registry() throws -> JobRegistry {
        let configuration = launch.configuration
        var registry = JobRegistry()
        let organizations = OrganizationJobs(
            pool: services.control, http: services.http, sessions: services.sessions, app: services.identity,
            mail: try launch.mail(), namespace: configuration.namespace)
        organizations.register(in: &registry)
        AlertJobs(
            pool: services.control, http: services.http, app: services.identity, mail: try launch.mail(),
            alerts: configuration.alerts
        ).register(in: &registry)
        ProcessJob(
            control: services.control, cells: services.cells, http: services.http,
            keys: configuration.keyRing,
            addresses: configuration.allowsPrivateWebhooks ? .any : .publicOnly
        ).register(in: &registry)
        ProbeJob.register(in: &registry, pool: services.control)
        let replication = try replication()
        ReplicationJobs.register(into: &registry, services: replication)
        recovery.register(in: &registry)
        PeriodicJobs.register(in: &registry, services: services, configuration: configuration)
        SidekiqIntegration.register(in: &registry)
        return registry
    }

    func verifier() throws -> Verifier { Verifier(try replication()) }

    private func replicationSettings() throws -> ReplicationSettings {
        let configuration = launch.configuration
        var settings = ReplicationSettings(mappings: mappings, namespace: configuration.namespace)
        // Leaves one connection of the cell's pool for short statements.
        settings.concurrentPages = max(1, budget.cell - 1)
        // Imports run for minutes or hours. A short job, such as a mail to a waiting admin, must find a slot.
        settings.concurrentImports = max(1, configuration.workerConcurrency - Self.slotsForShortJobs)
        settings.quarantineLimit = configuration.quarantineLimit
        // A simulator is on this machine, where gzip only costs time.
        let isSalesforce = try HostRule(loginURL: configuration.loginURL).loginIsSalesforce
        settings.compression = isSalesforce ? .gzip : .none
        return settings
    }
}

extension Launch {
    /// The classes that workers with these settings run. Only for warnings, so it is nil for settings that a
    /// worker would refuse.
    func jobClassNames() -> Set<String>? {
        guard let budget = try? budget(reserved: 0), let mappings = try? mappings(),
            let services = try? LoopServices(self, budget: budget, usage: APIUsage(), tallies: JobTallies())
        else { return nil }
        defer { services.close() }
        let handlers = JobHandlers(launch: self, services: services, mappings: mappings, budget: budget)
        return (try? handlers.registry()).map { Set($0.classNames) }
    }
}

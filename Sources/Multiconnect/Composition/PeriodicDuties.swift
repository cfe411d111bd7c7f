import Jobs
import Organizations
import Replication

/// What the program does for itself again and again, on whichever worker is there.
enum PeriodicDuties {
    /// The duties, as workers register them. The nightly ones come a while apart.
    static func all() throws -> [PeriodicJob] {
        [
            PeriodicJob(
                name: "prune-jobs", schedule: try Schedule(PruneJobs.schedule),
                job: NewJob(PruneJobs.className)),
            PeriodicJob(
                name: "prune-history", schedule: try Schedule("23 3 * * *"),
                job: NewJob(OrganizationUpkeep.pruneHistory)),
            PeriodicJob(
                name: "expire-registrations", schedule: try Schedule("53 3 * * *"),
                job: NewJob(OrganizationUpkeep.expireRegistrations)),
            PeriodicJob(
                name: "prune-imports", schedule: try Schedule("33 4 * * *"),
                job: NewJob(ImportUpkeep.className)),
            PeriodicJob(
                name: "recover-tenants", schedule: try Schedule("every 1 minutes"),
                job: NewJob(TenantRecovery.className)),
            // After SECRET has changed; otherwise there is nothing to do.
            PeriodicJob(
                name: "reseal-credentials", schedule: try Schedule("7 * * * *"),
                job: NewJob(CredentialReseal.className)),
        ]
    }

    /// Adds the classes that they run.
    static func register(
        in registry: inout JobRegistry, services: LoopServices, configuration: Configuration
    ) {
        PruneJobs(pool: services.control, retention: configuration.jobRetention).register(in: &registry)
        OrganizationUpkeep(pool: services.control, retention: configuration.historyRetention)
            .register(in: &registry)
        ImportUpkeep(cells: services.cells, retention: configuration.historyRetention.history)
            .register(in: &registry)
        CredentialReseal(pool: services.control, keys: configuration.keyRing).register(in: &registry)
    }
}

import Feeds
import Jobs
import Organizations
import Processes
import Replication
import Tweets

/// The periodic jobs of this program.
enum PeriodicJobs {
    /// The jobs that workers register. The nightly ones run at different times.
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
            PeriodicJob(
                name: "check-cells", schedule: try Schedule("every 1 minutes"),
                job: NewJob(CellCheck.className)),
            PeriodicJob(
                name: "schedule-repairs", schedule: try Schedule("every 1 minutes"),
                job: NewJob(RepairSchedule.className)),
            PeriodicJob(
                name: "collect-alerts", schedule: try Schedule("every 1 minutes"),
                job: NewJob(AlertJobs.collect)),
            PeriodicJob(
                name: "prune-flows", schedule: try Schedule(FlowUpkeep.schedule),
                job: NewJob(FlowUpkeep.className)),
            PeriodicJob(
                name: "count-backlogs", schedule: try Schedule(BacklogCount.schedule),
                job: NewJob(BacklogCount.className)),
            PeriodicJob(
                name: "keep-feeds", schedule: try Schedule(FeedUpkeep.schedule),
                job: NewJob(FeedUpkeep.className)),
            PeriodicJob(
                name: "keep-processes", schedule: try Schedule(ProcessUpkeep.schedule),
                job: NewJob(ProcessUpkeep.className)),
            // Has no effect unless X_BEARER_TOKEN is set.
            PeriodicJob(
                name: "schedule-tweets", schedule: try Schedule(TweetFinder.schedule),
                job: NewJob(TweetFinder.scheduleName)),
            // Has no effect unless SECRET has changed.
            PeriodicJob(
                name: "reseal-credentials", schedule: try Schedule("7 * * * *"),
                job: NewJob(CredentialReseal.className)),
        ]
    }

    /// Registers the handlers of the periodic jobs.
    static func register(
        in registry: inout JobRegistry, services: LoopServices, configuration: Configuration
    ) {
        PruneJobs(pool: services.control, retention: configuration.jobRetention).register(in: &registry)
        OrganizationUpkeep(pool: services.control, retention: configuration.historyRetention)
            .register(in: &registry)
        ImportUpkeep(cells: services.cells, retention: configuration.historyRetention.history)
            .register(in: &registry)
        ProcessUpkeep(control: services.control).register(in: &registry)
        FlowUpkeep(control: services.control).register(in: &registry)
        BacklogCount(control: services.control, cells: services.cells).register(in: &registry)
        CellCheck(control: services.control, cells: services.cells).register(in: &registry)
        RepairSchedule(
            control: services.control, queue: services.queue, interval: configuration.repairInterval
        ).register(in: &registry)
        FeedUpkeep(control: services.control, cells: services.cells).register(in: &registry)
        CredentialReseal(pool: services.control, keys: configuration.keyRing, columns: SealedColumn.all)
            .register(in: &registry)
        TweetFinder(
            control: services.control, cells: services.cells, queue: services.queue,
            search: configuration.tweets?.search(services.http)
        ).register(in: &registry)
    }
}

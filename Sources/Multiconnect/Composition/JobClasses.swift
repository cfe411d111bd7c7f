import Jobs
import Organizations
import Replication

/// The classes of jobs that workers run, for processes that run none themselves: operators are warned of names that are
/// not among them.
enum JobClasses {
    static let all: Set<String> = [
        OrganizationJob.sendConsentMail, OrganizationJob.provisionOrganization,
        OrganizationJob.announceConnection, Importer.className, ProbeJob.className, PruneJobs.className,
        OrganizationUpkeep.pruneHistory, OrganizationUpkeep.expireRegistrations,
    ]
}

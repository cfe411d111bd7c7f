import Jobs
import Organizations
import Replication

/// The classes of jobs that workers run, for processes that run none themselves: operators are warned of names that are
/// not among them.
enum JobClasses {
    static let all: Set<String> = {
        let periodic = (try? PeriodicDuties.all().map(\.job.className)) ?? []
        return Set(periodic).union([
            OrganizationJob.sendConsentMail, OrganizationJob.provisionOrganization,
            OrganizationJob.announceConnection, Importer.className, ProbeJob.className,
        ])
    }()
}

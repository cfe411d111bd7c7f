internal import FoundationEssentials
package import Jobs
internal import Organizations

/// The jobs of this target.
package enum Replication {
    /// Says how `ProvisionOrganization` (argument: the organization's id) and `ImportMapping` (argument: the
    /// mapping's id) run on a loop.
    package static func register(into registry: inout JobRegistry, site: ReplicationSite) {
        registry.register(
            OrganizationJob.provisionOrganization, timeout: ReplicationLimits.provisionTimeout,
            maximumAttempts: ReplicationLimits.jobAttempts
        ) { context in
            let id = try context.argument(0, as: UUID.self)
            return try await Provisioner(site).run(id, JobHandle(context))
        }
        registry.register(
            Importer.className, timeout: ReplicationLimits.importTimeout,
            maximumAttempts: ReplicationLimits.jobAttempts, concurrency: site.settings.concurrentImports
        ) { context in
            let id = try context.argument(0, as: UUID.self)
            return try await Importer(site).run(id, JobHandle(context))
        }
    }
}

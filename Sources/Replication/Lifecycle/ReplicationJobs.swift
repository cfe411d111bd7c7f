internal import FoundationEssentials
package import Jobs
internal import Organizations

/// The handlers of this target's jobs.
package enum ReplicationJobs {
    /// Registers the jobs for a loop. The first argument is an id: of the organization
    /// (`ProvisionOrganization`), of the import (`ImportMappings`), or of the mapping (all others).
    package static func register(into registry: inout JobRegistry, services: ReplicationServices) {
        registry.register(
            OrganizationJob.provisionOrganization, timeout: ReplicationLimits.provisionTimeout,
            maximumAttempts: ReplicationLimits.jobAttempts
        ) { context in
            let id = try context.argument(0, as: UUID.self)
            return try await Provisioner(services).run(id, context)
        }
        registry.register(
            ImportJob.className, timeout: ReplicationLimits.importTimeout,
            maximumAttempts: ReplicationLimits.jobAttempts,
            concurrency: services.settings.concurrentImports
        ) { context in
            let id = try context.argument(0, as: UUID.self)
            return try await Importer(services).run(id, context)
        }
        registry.register(
            ReloadJob.className, timeout: ReplicationLimits.importTimeout,
            maximumAttempts: ReplicationLimits.jobAttempts,
            concurrency: services.settings.concurrentImports
        ) { context in
            let id = try context.argument(0, as: UUID.self)
            return try await Reloader(services).run(id, context)
        }
        registry.register(
            MappingImportJob.className, timeout: ReplicationLimits.mappingImportTimeout,
            maximumAttempts: ReplicationLimits.jobAttempts
        ) { context in
            let id = try context.argument(0, as: UUID.self)
            return try await MappingImporter(services).run(id, context)
        }
        registry.register(
            RemoveMappingJob.className, timeout: ReplicationLimits.mappingRemovalTimeout,
            maximumAttempts: ReplicationLimits.jobAttempts
        ) { context in
            let id = try context.argument(0, as: UUID.self)
            return try await MappingRemover(services).run(id, context)
        }
        registry.register(
            BackfillJob.className, timeout: ReplicationLimits.backfillTimeout,
            maximumAttempts: ReplicationLimits.jobAttempts,
            concurrency: ReplicationLimits.concurrentBackfills
        ) { context in
            let id = try context.argument(0, as: UUID.self)
            return try await ColumnBackfill(services).run(id, context)
        }
        registerRepairs(into: &registry, services: services)
    }

    /// Registers `RepairMapping` and `RefreshFormulas` (argument: the mapping's id).
    private static func registerRepairs(into registry: inout JobRegistry, services: ReplicationServices) {
        let purposes: [(String, RepairStore.Purpose)] = [
            (RepairJob.repairClass, .repair), (RepairJob.formulaClass, .formulas),
        ]
        for (className, purpose) in purposes {
            registry.register(
                className, timeout: RepairLimits.jobTimeout, maximumAttempts: RepairLimits.jobAttempts,
                concurrency: RepairLimits.concurrentJobs
            ) { context in
                let id = try context.argument(0, as: UUID.self)
                return try await Repairer(services).run(id, purpose, context)
            }
        }
    }
}

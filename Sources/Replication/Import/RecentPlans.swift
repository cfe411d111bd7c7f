internal import FoundationEssentials
internal import Synchronization
internal import TenantSchema

/// Tables that this process has created a moment ago. The import that follows provisioning begins with them:
/// it does not describe the object and check the database again. Any thread may use it.
package final class RecentPlans: Sendable {
    /// A planned table that exists.
    struct Created: Sendable {
        var plan: TablePlan
        var ddl: TenantDDL
    }

    private struct Entry: Sendable {
        let created: Created
        let configuration: MappingConfiguration
        let createdAt: ContinuousClock.Instant

        var isFresh: Bool { createdAt + ReplicationLimits.planAge > .now }
    }

    private let entries = Mutex<[UUID: Entry]>([:])

    package init() {}

    func note(_ created: Created, of mapping: Mapping) {
        entries.withLock { entries in
            if entries.count >= ReplicationLimits.recentPlans {
                entries = entries.filter(\.value.isFresh)
                if entries.count >= ReplicationLimits.recentPlans { entries = [:] }
            }
            entries[mapping.id] = Entry(
                created: created, configuration: mapping.configuration, createdAt: .now)
        }
    }

    /// Removes and returns the table of a mapping. Nil if it was not created a moment ago, or if the mapping
    /// has changed since. A second import looks again.
    func take(for mapping: Mapping) -> Created? {
        guard let entry = entries.withLock({ $0.removeValue(forKey: mapping.id) }), entry.isFresh,
            entry.configuration == mapping.configuration
        else { return nil }
        return entry.created
    }
}

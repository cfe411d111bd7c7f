package import FoundationEssentials
package import Jobs
internal import Logging
internal import Organizations
package import Salesforce
internal import Synchronization

/// The dependencies of reading changes on one loop.
package struct SyncServices: Sendable {
    package var replication: ReplicationServices
    package var queue: JobQueue
    /// Of this loop.
    package var watch: ChangeWatch
    /// One value for all loops of the process.
    package var tallies: ChangeTallies
    package var pace = SyncPace()
    /// The event stream of a tenant's org.
    package var stream: @Sendable (_ organization: UUID) -> any EventStream
    /// Reads the org's event channels and its allowance. See `OrgFacts.read`.
    package var facts:
        @Sendable (_ organization: UUID, _ notified: Set<String>, _ refused: [String: String]) async throws ->
            StreamPlan.Facts
    let layouts = TableLayouts()
    /// Errors of tenants' work on this loop.
    let troubles = TroubleCounts()

    package init(
        _ replication: ReplicationServices, queue: JobQueue, watch: ChangeWatch, tallies: ChangeTallies
    ) {
        self.replication = replication
        self.queue = queue
        self.watch = watch
        self.tallies = tallies
        let (sessions, logger) = (replication.sessions, replication.logger)
        stream = { sessions.stream(for: $0) }
        facts = {
            try await OrgFacts(sessions: sessions, logger: logger).read($0, notified: $1, refused: $2)
        }
    }
}

/// The errors of tenants' work in a row, on one loop.
final class TroubleCounts: Sendable {
    private let counts = Mutex<[UUID: WorkFailures]>([:])

    /// Notes an error. True if the tenant is in trouble.
    func note(_ error: any Error, of organization: UUID) -> Bool {
        counts.withLock { $0[organization, default: WorkFailures()].note(error) }
    }

    func clear(_ organization: UUID) {
        counts.withLock { $0[organization] = nil }
    }
}

/// The intervals of reading changes. Tests shorten them.
package struct SyncPace: Sendable {
    package var lateWindow = ReplicationLimits.lateWindow
    package var pollFactor = ReplicationLimits.pollFactorBesideEvents
    package var minimumInterval = Duration.seconds(10)
    /// Replaces the mappings' own intervals. Only tests and checks set it.
    package var forcedInterval: Duration?
    package var bulkThreshold = ReplicationLimits.pollBulkThreshold
    package var startWait = ReplicationLimits.streamStartWait
    package var planInterval = ReplicationLimits.streamPlanInterval
    package var schemaInterval = ReplicationLimits.schemaCheckInterval
    package var outage = ReplicationLimits.streamOutage
    /// A stream that was connected for this long has no earlier failures.
    package var settled = ReplicationLimits.streamSettled
    package var earlyPollPause = ReplicationLimits.earlyPollPause
    package var healthInterval = ReplicationLimits.healthInterval
    package var capInterval = ReplicationLimits.capInterval
    /// The first and the longest pause between two checks of a poll's Bulk job.
    package var bulkCheck = ReplicationLimits.firstPoll
    package var longestBulkCheck = ReplicationLimits.longestPoll

    package init() {}
}

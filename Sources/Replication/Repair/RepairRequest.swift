internal import Activity
package import FoundationEssentials
package import Jobs
internal import Organizations
package import Postgres

/// Has a mapping's table compared with its org now, for an operator. A worker reads ids and time stamps
/// from the org and repairs what differs.
package struct RepairRequest: Sendable {
    private let control: PostgresPool
    private let queue: JobQueue

    package init(control: PostgresPool, queue: JobQueue) {
        self.control = control
        self.queue = queue
    }

    /// Queues the comparison. At most one is open for a mapping. The job's `isNew` is false if it is queued
    /// already.
    package func add(
        _ mapping: MappingSummary, of organization: UUID, by actor: String
    ) async throws -> EnqueuedJob {
        let job = RepairJob(className: RepairJob.repairClass, mapping: mapping.id, organization: organization)
        let enqueued = try await control.transaction { connection in
            let enqueued = try await queue.enqueue(job.newJob, on: connection)
            try await ActivityStore(on: connection).add(
                "mappings.compare", by: actor, organization: organization, detail: mapping.objectName)
            return enqueued
        }
        await queue.push([enqueued])
        return enqueued
    }
}

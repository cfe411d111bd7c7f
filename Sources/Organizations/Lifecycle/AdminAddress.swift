internal import Activity
package import FoundationEssentials
package import Jobs
package import Postgres

/// Replaces the address of a tenant's admin for an operator, and mails the new address if the admin must
/// consent.
///
/// A registration cannot replace it after a consent, because anybody could redirect the tenant's mails.
package struct AdminAddress: Sendable {
    private let pool: PostgresPool
    private let queue: JobQueue

    package init(pool: PostgresPool, queue: JobQueue) {
        self.pool = pool
        self.queue = queue
    }

    /// - Returns: whether a mail to the new address was enqueued; nil if there is no such tenant.
    package func replace(of id: UUID, with address: EmailAddress, by actor: String) async throws -> Bool? {
        let (isFound, job) = try await pool.transaction { connection -> (Bool, EnqueuedJob?) in
            let store = OrganizationStore(on: connection)
            guard let found = try await store.lock(id: id) else { return (false, nil) }
            try await store.setAdminEmail(id, address)
            try await ActivityStore(on: connection).add(
                "admin_replaced", by: actor, organization: id,
                detail: "\(found.adminEmail) became \(address)")
            try await NotificationStore(on: connection).resolve(
                [NotificationEvent.mailFailed], organization: id)
            guard let purpose = Self.purpose(for: found.status) else { return (true, nil) }
            let job = OrganizationJob.mail(purpose, organization: id, to: address, at: nil)
            return (true, try await queue.enqueue(job, on: connection))
        }
        guard isFound else { return nil }
        if let job { await queue.push([job]) }
        return job != nil
    }

    /// The mail for an admin of a tenant with this status; nil if the admin does not have to consent.
    static func purpose(for status: OrganizationStatus) -> MailContent.Purpose? {
        switch status {
        case .registered: .consent
        case .unauthorized: .unauthorized
        default: nil
        }
    }
}

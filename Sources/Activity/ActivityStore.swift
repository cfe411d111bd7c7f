package import FoundationEssentials
package import Postgres

/// An action on a tenant, on a job or on the queue, with its actor.
package struct ActivityRecord: Sendable, Equatable {
    package let id: Int64
    package let organization: UUID?
    package let actor: String
    package let action: String
    package let detail: String?
    package let createdAt: Date
}

/// Rows of `activity`, the audit log. This type is its only writer; rows are added and, once old, removed.
package struct ActivityStore {
    private let connection: PostgresConnection
    private let timeout: Duration?

    /// - Parameter timeout: of each statement; nil is no limit.
    package init(on connection: PostgresConnection, timeout: Duration? = nil) {
        self.connection = connection
        self.timeout = timeout
    }

    private var deadline: ContinuousClock.Instant? { timeout.map { .now + $0 } }

    /// Adds a record in the transaction that does the action.
    ///
    /// - Parameters:
    ///   - actor: `org`, `admin`, `multiconnect`, or an operator's name.
    ///   - action: lower-case words joined by `_` or `.`, for example `consent_given`.
    ///   - organization: recorded only if the organization exists.
    package func add(
        _ action: String, by actor: String, organization: UUID?, job: String? = nil, detail: String? = nil
    ) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.activity (organization_id, actor, action, detail, job_id)
            values ((select id from multiconnect.organizations where id = \(organization)::uuid),
                \(Self.stored(actor)), \(action), \(detail), \(job))
            """, deadline: deadline)
    }

    /// Adds a record unless the tenant has `hourlyLimit` records of this action from the last hour. For
    /// actions that strangers can cause.
    package func add(
        _ action: String, by actor: String, organization: UUID, detail: String, hourlyLimit: Int
    ) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.activity (organization_id, actor, action, detail)
            select \(organization)::uuid, \(Self.stored(actor))::text, \(action)::text, \(detail)::text
            where not exists (
                select from (
                    select created_at from multiconnect.activity
                    where organization_id = \(organization)::uuid and action = \(action)::text
                    order by id desc offset \(hourlyLimit - 1) limit 1
                ) as earlier
                where earlier.created_at > now() - interval '1 hour')
            """, deadline: deadline)
    }

    /// Adds one record for each of many jobs, without their tenants: a bulk action would flood a tenant's
    /// records.
    ///
    /// - Parameter jobs: the jobs' ids, each with the detail of its record.
    package func add(_ action: String, by actor: String, jobs: [(id: String, detail: String)]) async throws {
        guard !jobs.isEmpty else { return }
        _ = try await connection.execute(
            """
            insert into multiconnect.activity (actor, action, detail, job_id)
            select \(Self.stored(actor)), \(action), n.detail, n.id
            from unnest(\(jobs.map(\.id))::text[], \(jobs.map(\.detail))::text[]) as n (id, detail)
            """, deadline: deadline)
    }

    /// The part of a larger statement that adds a record for each row of a query.
    ///
    /// - Parameter rows: a query with the columns organization id, actor, action and detail.
    package static func insertion(of rows: SQL) -> SQL {
        "insert into multiconnect.activity (organization_id, actor, action, detail) \(rows)"
    }

    /// Records, the newest first; of all tenants if `organization` is nil.
    package func list(organization: UUID? = nil, before id: Int64? = nil, limit: Int = 100) async throws
        -> [ActivityRecord]
    {
        try await read(
            """
            where (\(organization)::uuid is null or organization_id = \(organization)::uuid)
              and (\(id)::bigint is null or id < \(id)::bigint)
            order by id desc limit \(limit)
            """)
    }

    /// The records of one job, the oldest first.
    package func list(job: String, limit: Int) async throws -> [ActivityRecord] {
        try await read("where job_id = \(job) order by id limit \(limit)")
    }

    private func read(_ condition: SQL) async throws -> [ActivityRecord] {
        let rows = try await connection.query(
            """
            select id, organization_id, actor, action, detail, created_at
            from multiconnect.activity \(condition)
            """, deadline: deadline)
        return try rows.map { row in
            ActivityRecord(
                id: try row["id"], organization: try row["organization_id"], actor: try row["actor"],
                action: try row["action"], detail: try row["detail"], createdAt: try row["created_at"])
        }
    }

    /// Removes up to `limit` records older than `age`; returns how many.
    package func prune(olderThan age: Duration, limit: Int) async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect.activity where id in (
                select id from multiconnect.activity where created_at < now() - \(age)
                limit \(limit) for update skip locked)
            """, deadline: deadline)
    }

    /// An actor's name as the column stores it: 1 to 200 characters without NUL.
    package static func stored(_ actor: String) -> String {
        let kept = actor.unicodeScalars.filter { $0.value != 0 }.prefix(200).map(Character.init)
        return kept.isEmpty ? "unknown" : String(kept)
    }
}

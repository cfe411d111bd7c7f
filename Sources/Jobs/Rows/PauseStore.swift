internal import Activity
import FoundationEssentials
package import Postgres

/// Statements for pauses. Every claim reads the pauses, so a pause holds from its commit on, with and without
/// Redis. A job that a worker pops during its pause is held.
package struct PauseStore: Sendable {
    package let limits: JobsLimits

    package init(limits: JobsLimits) {
        self.limits = limits
    }

    /// Whether a pause covers the row with this alias. The first condition is evaluated once for all rows,
    /// because usually there are no pauses.
    package static func covers(_ row: String) -> SQL {
        """
        (exists (select from multiconnect.pauses)
            and exists (select from multiconnect.pauses as p where p.key in (\(keys(row)))))
        """
    }

    /// The key of a pause that covers the row, or null.
    package static func pause(_ row: String) -> SQL {
        "(select p.key from multiconnect.pauses as p where p.key in (\(keys(row))) order by p.key limit 1)"
    }

    private static func keys(_ row: String) -> SQL {
        """
        'queue:' || \(raw: row).queue, 'class:' || \(raw: row).class,
        'tenant:' || \(raw: row).organization_id
        """
    }

    /// Adds a pause; false if it already exists.
    package func add(
        _ scope: PauseScope, by actor: String, reason: String?, on connection: PostgresConnection
    )
        async throws -> Bool
    {
        let added = try await connection.execute(
            within: limits.statement,
            """
            insert into multiconnect.pauses (key, actor, reason)
            values (\(scope.key), \(ActivityStore.stored(actor)), \(reason))
            on conflict (key) do nothing
            """)
        return added == 1
    }

    /// Removes a pause; false if there is none.
    package func remove(_ scope: PauseScope, on connection: PostgresConnection) async throws -> Bool {
        try await connection.execute(
            within: limits.statement, "delete from multiconnect.pauses where key = \(scope.key)") == 1
    }

    /// The pauses with their numbers of held jobs, the oldest first.
    package func list(on connection: PostgresConnection) async throws -> [JobPause] {
        let rows = try await connection.query(
            within: limits.statement,
            """
            select p.key, p.actor, p.reason, p.created_at, held.count
            from multiconnect.pauses as p
            cross join lateral (
                select count(*) as count
                from (
                    select from multiconnect.jobs as j where j.held_by = p.key
                    limit \(limits.countedRows + 1)
                ) as counted
            ) as held
            order by p.created_at, p.key
            """)
        return try rows.compactMap { row in
            guard let scope = PauseScope(key: try row["key"]) else { return nil }
            return JobPause(
                scope: scope, actor: try row["actor"], reason: try row["reason"],
                createdAt: try row["created_at"],
                held: JobCount(try row["count"], bound: limits.countedRows))
        }
    }

    /// Queues a batch of held jobs whose pause has ended, the longest held first.
    package func release(on connection: PostgresConnection) async throws -> [JobRecord] {
        let rows = try await connection.query(
            within: limits.statement,
            """
            with recursive holder as (
                -- The distinct pauses, each found by one step in the index.
                (select held_by from multiconnect.jobs where held_by is not null order by held_by limit 1)
                union all
                select (
                    select j.held_by from multiconnect.jobs as j
                    where j.held_by > holder.held_by order by j.held_by limit 1)
                from holder where holder.held_by is not null
            ), gone as (
                select held_by from holder
                where held_by is not null
                    and not exists (select from multiconnect.pauses as p where p.key = holder.held_by)
            ), free as (
                select j.id
                from gone
                cross join lateral (
                    select id from multiconnect.jobs
                    where held_by = gone.held_by
                    order by run_at, id limit \(limits.batch)
                    for update skip locked
                ) as j
                limit \(limits.batch)
            )
            update multiconnect.jobs as j set state = 'queued', held_by = null, pushed_epoch = null
            from free where j.id = free.id
            returning \(JobRecord.columns)
            """)
        return try rows.map(JobRecord.init(row:)).sorted { ($0.runAt, $0.id.text) < ($1.runAt, $1.id.text) }
    }
}

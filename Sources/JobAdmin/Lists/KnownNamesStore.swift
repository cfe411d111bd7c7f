import Jobs
import Postgres

/// A statement that finds the names of queues and classes, in bounded time.
struct KnownNamesStore: Sendable {
    let limits: JobsLimits

    func find(on connection: PostgresConnection) async throws -> KnownNames {
        let rows = try await connection.query(
            within: limits.statement,
            """
            with recursive ended as (
                -- Each class is found by one step in the index.
                (select class::text from multiconnect.jobs where finished_at is not null
                    order by class limit 1)
                union all
                select (
                    select j.class::text from multiconnect.jobs as j
                    where j.finished_at is not null and j.class > ended.class order by j.class limit 1)
                from ended where ended.class is not null
            ), open as (
                select queue, class from multiconnect.jobs
                where finished_at is null and held_by is null order by run_at, id limit \(limits.censusRows)
            ), held as (
                select queue, class from multiconnect.jobs
                where held_by is not null order by held_by, run_at, id limit \(limits.censusRows)
            ), recent as (
                select queue, class from multiconnect.jobs
                where finished_at is not null order by finished_at desc, id desc limit \(limits.censusRows)
            )
            select queue::text, class::text from open
            union select queue, class from held
            union select queue, class from recent
            union select queue, class from multiconnect.periodic_jobs
            union select null, class from (select class from ended limit \(limits.shownRows)) as classes
            """)
        let queues = try rows.compactMap { try $0["queue", as: String?.self] }
        let classes = try rows.compactMap { try $0["class", as: String?.self] }
        return KnownNames(queues: Set(queues), classes: Set(classes))
    }
}

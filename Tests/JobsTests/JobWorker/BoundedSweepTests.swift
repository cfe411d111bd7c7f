import Foundation
import Postgres
import Redis
import Support
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// Periodic statements do not read more rows for a longer history, or for more waiting jobs.
@Suite(.tags(.store))
struct BoundedSweepTests {
    private let limits = JobsLimits()

    /// A long history and many ended claims, analyzed.
    private func withHistory(
        _ body: @concurrent @Sendable (PostgresConnection) async throws -> Void
    ) async throws {
        try await withJobsDatabase { _, pool in
            try await pool.withConnection { connection in
                try await connection.script(
                    """
                    insert into multiconnect.jobs (id, class, lane, state, finished_at)
                    select lpad(to_hex(i), 24, '0'), 'A', 'default', 'done', now() from generate_series(1, 5000) as i;
                    insert into multiconnect.job_claims (token, worker, job_ids)
                    select gen_random_uuid(), 'w', array[lpad(to_hex(i), 24, '0')]
                    from generate_series(1, 500) as i;
                    analyze multiconnect.jobs, multiconnect.job_claims;
                    """)
                try await body(connection)
            }
        }
    }

    /// Sequential scans of the table in this transaction.
    private func wholeReads(_ connection: PostgresConnection) async throws -> Int {
        try await connection.query("select pg_stat_get_xact_numscans('multiconnect.jobs'::regclass)").scalar()
    }

    @Test func `jobs of lost workers are found by their recorded claims`() async throws {
        try await withHistory { connection in
            let recovery = RecoveryStore(limits: limits)
            try await connection.transaction { connection in
                let isOver = try await recovery.isLeaseExpired(on: connection)
                let recovered = try await recovery.recover(from: ["w"], on: connection)
                #expect(!isOver && recovered.isEmpty)
                #expect(try await wholeReads(connection) == 0)
            }
        }
    }

    @Test func `scheduled jobs are read part by part`() async throws {
        try await withJobsDatabase { _, pool in
            try await pool.withConnection { connection in
                try await connection.script(
                    """
                    insert into multiconnect.jobs (id, class, lane, state, run_at, pushed_epoch, pushed_at)
                    select lpad(to_hex(i), 24, '0'), 'A', 'default', 'scheduled', now() + interval '1 day' * (i % 9 + 1),
                        case when i % 2 = 0 then 'e' end, now() - interval '1 hour'
                    from generate_series(1, 5000) as i;
                    analyze multiconnect.jobs;
                    """)
                var limits = limits
                limits.comparedRows = 20
                let store = ExternalStore(limits: limits)
                let first = try await connection.transaction { connection in
                    let part = try await store.waiting(after: nil, on: connection)
                    let read = try await connection.query(
                        "select pg_stat_get_xact_tuples_fetched('multiconnect.jobs'::regclass)"
                    ).scalar(as: Int.self)
                    #expect(read <= 2 * limits.comparedRows)
                    #expect(try await wholeReads(connection) == 0)
                    return part
                }
                var found = Set(first.jobs.map(\.id))
                var end = first.end
                while let place = end {
                    let part = try await store.waiting(after: place, on: connection)
                    #expect(found.isDisjoint(with: part.jobs.map(\.id)))
                    found.formUnion(part.jobs.map(\.id))
                    end = part.end
                }
                #expect(found.count == 2500)
            }
        }
    }
}

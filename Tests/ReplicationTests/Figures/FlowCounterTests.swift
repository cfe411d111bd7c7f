import Foundation
import Jobs
import Logging
import Metrics
import Postgres
import Reactor
import Support
import Testing

@testable import Replication

/// The counters of charts.
@Suite(.tags(.store))
struct FlowCounterTests {
    private func tenant(_ pool: PostgresPool) async throws -> UUID {
        try await pool.query(
            """
            insert into multiconnect.organizations (org_id, name, admin_email, schema_name)
            values ('00D000000000001EAA', 'Acme', 'a@acme.example', 'salesforce00d000000000001eaa') returning id
            """
        ).scalar()
    }

    @Test func `a worker's totals become rows in and out, errors, jobs and lags`() {
        let (changes, imports, writes, jobs) = (
            ChangeTallies(), ImportTallies(), WriteTallies(), JobTallies()
        )
        let id = UUID()
        var merged = RowMerger.Counts()
        (merged.written, merged.deleted, merged.unchanged, merged.refused) = (3, 2, 9, 1)
        changes.count(merged, of: id)
        changes.countLag(.milliseconds(700))
        imports.count(10, isReload: false, of: id)
        writes.count(.written(sfid: nil, leftOut: []), lag: .seconds(1), of: id)
        writes.count(.failed(WriteProblem("STRING_TOO_LONG", "no")), lag: .seconds(1), of: id)
        jobs.countFinished("A")
        jobs.countFailed("A", isRetried: true)
        var totals = Totals()
        for part in [changes.take(), imports.take(), writes.take(), jobs.take()] { totals.add(part) }
        let counts = FlowCounts(totals)
        #expect(counts.rows == TenantFlow(rowsIn: 15, rowsOut: 1, errors: 2))
        #expect(counts.jobsEnded == 2 && counts.jobsFailed == 1)
        #expect(counts.lags.reduce(0, +) == 1)
        #expect(counts.lags.firstIndex(of: 1) == FlowCounts.lagBounds.firstIndex(of: 1))
        let tenants = [changes.tenants, imports.tenants, writes.tenants].map { $0.take()[id] ?? TenantFlow() }
        #expect(tenants.reduce(TenantFlow()) { $0 + $1 } == counts.rows)
        #expect(changes.tenants.take().isEmpty)
    }

    @Test func `additions of several workers are summed per minute, hour and day, and per tenant and hour`()
        async throws
    {
        try await withMigratedDatabase { database in
            let pool = database.pool(maximum: 2)
            defer { pool.close() }
            let id = try await tenant(pool)
            let (one, two) = (TenantTallies(), TenantTallies())
            let workers = [one, two].map {
                FlowRecorder(pool: pool, tenants: [$0], logger: Logger(label: "test"))
            }
            var totals = Totals()
            totals.add(5, to: JobMetric.finished, "A")
            var lag = Histogram(.work)
            lag.count(.milliseconds(700))
            totals.add(lag, to: ChangeMetric.lag, "events")
            for (worker, tallies) in zip(workers, [one, two]) {
                _ = worker.note(totals)
                tallies.add(TenantFlow(rowsIn: 2, rowsOut: 1), of: id)
                tallies.add(TenantFlow(rowsIn: 1), of: UUID())
                await worker.flush()
                await worker.flush()
            }
            for span in FlowSpan.allCases {
                let sum = try await pool.withConnection {
                    try await FlowStore().intervals(span, since: Date() - 100_000, on: $0)
                }.reduce(FlowCounts()) { $0 + $1.counts }
                #expect(sum.jobsEnded == 10 && sum.lags.reduce(0, +) == 2, "\(span)")
            }
            let hours = try await pool.withConnection {
                try await FlowStore().hours(of: [id, UUID()], since: Date() - 7_200, on: $0)
            }
            #expect(hours.count == 1)
            #expect(
                hours[id]?.reduce(TenantFlow()) { $0 + $1.counts } == TenantFlow(rowsIn: 4, rowsOut: 2))
        }
    }

    @Test func `counts that could not be written are written later`() async throws {
        try await withMigratedDatabase { database in
            let pool = database.pool(maximum: 2)
            defer { pool.close() }
            let id = try await tenant(pool)
            let tallies = TenantTallies()
            let worker = FlowRecorder(pool: pool, tenants: [tallies], logger: Logger(label: "test"))
            _ = try await pool.execute("alter table multiconnect.flows rename to away")
            var totals = Totals()
            totals.add(5, to: JobMetric.failed, "A")
            _ = worker.note(totals)
            tallies.add(TenantFlow(errors: 1), of: id)
            await worker.flush()
            _ = try await pool.execute("alter table multiconnect.away rename to flows")
            await worker.flush()
            let failed: Int = try await pool.query(
                "select jobs_failed from multiconnect.flows where span = 'day'"
            ).scalar()
            let errors: Int = try await pool.query("select errors from multiconnect.tenant_flows").scalar()
            #expect(failed == 5 && errors == 1)
        }
    }

    @Test func `counters are removed after their retention`() async throws {
        try await withMigratedDatabase { database in
            let pool = database.pool(maximum: 2)
            defer { pool.close() }
            let id = try await tenant(pool)
            _ = try await pool.execute(
                """
                insert into multiconnect.flows (span, starts_at, rows_in)
                select span, now() - days * interval '1 day', 1
                from unnest('{minute,hour,day}'::text[]) span, unnest('{1,3,70,900}'::int[]) days
                """)
            _ = try await pool.execute(
                """
                insert into multiconnect.tenant_flows (organization_id, hour, rows_in)
                select \(id), date_trunc('hour', now()) - h * interval '1 hour', 1
                from generate_series(0, 1500) h
                """)
            let removed = try await FlowUpkeep(control: pool).prune {}
            let kept: [String] = try await pool.query(
                "select span || ' ' || count(*) from multiconnect.flows group by span order by span"
            ).column()
            #expect(kept == ["day 3", "hour 2", "minute 1"])
            #expect(removed == 6 + 1501 - 193 || removed == 6 + 1501 - 192)
        }
    }
}

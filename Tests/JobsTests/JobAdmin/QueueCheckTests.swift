import Foundation
import Postgres
import Support
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs

/// `multiconnect jobs check` finds lost and duplicate effects.
@Suite(.tags(.store))
struct QueueCheckTests {
    private func plan(jobs: Int, timeout: Duration = .seconds(20)) -> QueueCheck.Plan {
        var plan = QueueCheck.Plan()
        plan.jobs = jobs
        plan.timeout = timeout
        return plan
    }

    private func registry(_ rig: WorkerRig) -> JobRegistry {
        var registry = JobRegistry()
        ProbeJob.register(in: &registry, pool: rig.pool)
        return registry
    }

    @Test func `all jobs have their effect, and the rows are removed`() async throws {
        try await withWorkerRig { rig in
            try await rig.running(registry(rig)) { _ in
                let finding = try await QueueCheck(pool: rig.pool, queue: rig.queue).run(plan(jobs: 700))
                #expect(finding.isGood && finding.jobs == 700 && finding.lost == 0 && finding.doubled == 0)
            }
            #expect(try await rig.scalar("select count(*) from multiconnect.job_probes", as: Int.self) == 0)
            #expect(
                try await rig.scalar("select count(distinct lane) from multiconnect.jobs", as: Int.self) == 10
            )
        }
    }

    @Test func `without a worker the jobs are lost at the timeout`() async throws {
        try await withWorkerRig { rig in
            let finding = try await QueueCheck(pool: rig.pool, queue: rig.queue).run(
                plan(jobs: 5, timeout: .milliseconds(300)))
            #expect(!finding.isGood && finding.lost == 5 && finding.count.open == 5)
        }
    }

    @Test func `a duplicate effect is detected`() async throws {
        try await withWorkerRig { rig in
            // Like a broken queue: one effect happens twice.
            try await rig.pool.withConnection { connection in
                try await connection.script(
                    """
                    create function twice() returns trigger language plpgsql as $$
                    begin
                        if new.number = 3 and pg_trigger_depth() = 1 then
                            insert into multiconnect.job_probes (check_id, number, job_id, attempt)
                            values (new.check_id, new.number, new.job_id, new.attempt);
                        end if;
                        return new;
                    end $$;
                    create trigger twice after insert on multiconnect.job_probes
                        for each row execute function twice();
                    """)
            }
            try await rig.running(registry(rig)) { _ in
                let finding = try await QueueCheck(pool: rig.pool, queue: rig.queue).run(plan(jobs: 10))
                #expect(!finding.isGood && finding.doubled == 1 && finding.lost == 0)
            }
        }
    }
}

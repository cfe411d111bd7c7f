import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// `--wait` of commands: until the work has ended, has failed, or takes too long.
    @Suite(.tags(.process))
    struct CommandWaitTests {
        @Test func `reload waits for its jobs, and its exit status says how they ended`() async throws {
            try await withApplication { rig in
                let id = rig.org.id
                let all = try rig.command("organizations", "reload", id, "--wait", "--timeout", "90")
                #expect(all.status == 0, "\(all.output)")
                for object in ["Account", "Contact"] {
                    #expect(all.output.contains("\(object): reload queued, job "), "\(all.output)")
                    #expect(all.output.contains("\(object): reloaded\n"), "\(all.output)")
                }
                let one = try rig.command("mappings", "reload", id, "contact", "--wait", "--timeout", "90")
                #expect(one.status == 0 && one.output.hasSuffix("Contact: reloaded\n"), "\(one.output)")
                let ended: Int = try await rig.app(
                    "select count(*) from multiconnect_sync.imports where kind = 'reload' and state = 'done'"
                ).scalar()
                #expect(ended == 3)

                rig.worker.kill()
                let late = try rig.command("mappings", "reload", id, "Account", "--wait", "--timeout", "1")
                #expect(late.status == 75, "\(late.output)")
                #expect(late.output.contains("1 reload not finished after 1 s"), "\(late.output)")
                #expect(late.output.contains("they continue if a worker runs"), "\(late.output)")

                let waiting = try Program.multiconnect(
                    ["organizations", "reload", id, "--wait", "--timeout", "60"],
                    environment: rig.deployment.environment.merging(["LOG_LEVEL": "critical"]) { $1 })
                try await eventually("both reloads are queued") {
                    waiting.output.contains("Contact: reload queued, job ")
                }
                #expect(waiting.output.contains("Account: reload already queued, job "))
                let cancelled = try rig.command(
                    "jobs", "cancel", "--class", "ReloadMapping", "--tenant", id, "--yes")
                #expect(cancelled.status == 0, "\(cancelled.output)")
                #expect(waiting.exitStatus(within: .seconds(30)) == 1)
                #expect(waiting.output.contains("Account: cancelled"), "\(waiting.output)")
                #expect(waiting.output.contains("2 reloads failed"), "\(waiting.output)")

                // A job of a worker that does not answer.
                #expect(try rig.command("mappings", "reload", id, "Account").status == 0)
                try await rig.app(
                    """
                    update multiconnect.jobs set state = 'running', attempt = 1, started_at = now(),
                      claim_token = gen_random_uuid(), lease_until = now() + interval '1 hour'
                    where class = 'ReloadMapping' and finished_at is null
                    """)
                let stuck = try rig.command(
                    "organizations", "remove", id, "--confirm", id, "--wait", "1", "--skip-revocation")
                #expect(stuck.status == 75, "\(stuck.output)")
                #expect(stuck.output.contains("1 jobs of \(id) still run: repeat"), "\(stuck.output)")
            }
        }
    }
}

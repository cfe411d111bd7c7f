import Foundation
import FoundationNetworking
import Postgres
import Support
import Testing

extension ProcessTests {
    /// `multiconnect organizations remove`, with a worker that reads the tenant's changes.
    @Suite(.tags(.process))
    struct OrganizationsRemoveTests {
        private func command(_ deployment: Deployment, _ arguments: String...) throws -> (Int32, String) {
            let program = try Program.multiconnect(
                ["organizations", "remove"] + arguments, environment: deployment.environment)
            return (program.exitStatus(), program.output)
        }

        private func number(_ sql: SQL, _ url: String, _ deployment: Deployment) async throws -> Int {
            try await deployment.withConnection(url) { try await $0.query(sql).scalar() }
        }

        private func calls(_ kind: String, _ deployment: Deployment) async throws -> Int {
            let url = URL(string: deployment.simulatorURL + "/simulator/orgs/1/calls")!
            let answer = try await deployment.send(URLRequest(url: url))
            let counts = try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Int]
            return counts?[kind] ?? 0
        }

        @Test func `a tenant ends after a confirmation, and its data are kept or deleted`() async throws {
            let options = Deployment.Options(
                simulator: ["--orgs", "2", "--accounts", "50", "--contacts", "20", "--tweets", "5"],
                hasSecondCell: true)
            try await withDatabase { database in
                let deployment = try await Deployment(options, database: database)
                let web = try await deployment.startWeb()
                let worker = try deployment.startWorker()
                let orgs = try await deployment.orgs()
                for org in orgs {
                    _ = try await deployment.install(org)
                    _ = try await deployment.consent(org)
                }
                for org in orgs { try await deployment.waitUntil(org, is: "live") }
                let (org, other) = (orgs[0], orgs[1])
                let schemas: SQL =
                    "select count(*) from pg_namespace where nspname = \(org.schema)"
                let held: SQL = "select count(*) from multiconnect_sync.leases where holder is not null"
                try await eventually(within: .seconds(60), "both tenants are held") {
                    try await number(held, deployment.cellURL, deployment) == 2
                }

                let plan = try command(deployment, org.id)
                #expect(plan.0 == 64 && plan.1.contains("keeps \(org.schema)"), "\(plan.1)")
                #expect(plan.1.contains("repeat with --confirm \(org.id)"))
                #expect(try command(deployment, org.id, "--confirm", other.id).0 == 64)
                #expect(try await deployment.status(of: org) == "live")

                let kept = try command(deployment, org.id, "--confirm", org.id)
                #expect(kept.0 == 0 && kept.1.contains("the grant is revoked"), "\(kept.1)")
                #expect(try await deployment.status(of: org) == "uninstalled")
                #expect(try await calls("revoke", deployment) == 1)
                #expect(try await number(schemas, deployment.cellURL, deployment) == 1)
                #expect(
                    try await number(
                        "select count(*) from multiconnect.credentials", deployment.databaseURL, deployment)
                        == 2)
                try await eventually(within: .seconds(30), "the worker has released the tenant") {
                    try await number(held, deployment.cellURL, deployment) == 1
                }

                let deleted = try command(deployment, org.id, "--confirm", org.id, "--delete-data")
                #expect(deleted.0 == 0 && deleted.1.contains("had ended already"), "\(deleted.1)")
                #expect(deleted.1.contains("there is no valid grant"))
                #expect(try await number(schemas, deployment.cellURL, deployment) == 0)
                #expect(try await deployment.status(of: org) == "none")
                try await expectNoRows(of: org, deployment)
                #expect(try command(deployment, org.id, "--confirm", org.id).0 == 66)
                #expect(try await deployment.status(of: other) == "live")

                // The package can be installed again.
                _ = try await deployment.install(org)
                #expect(try await deployment.status(of: org) == "registered")
                #expect(worker.isRunning)
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }

        /// All tables of the cell with a column for the tenant have rows of one tenant only.
        private func expectNoRows(of org: Deployment.Org, _ deployment: Deployment) async throws {
            try await deployment.withConnection(deployment.cellURL) { cell in
                let tables: [String] = try await cell.query(
                    """
                    select table_name from information_schema.columns
                    where table_schema = 'multiconnect_sync' and column_name = 'organization_id'
                    """
                ).column()
                #expect(tables.count > 10)
                for table in tables {
                    let tenants: Int = try await cell.query(
                        "select count(distinct organization_id) from multiconnect_sync.\(identifier: table)"
                    ).scalar()
                    #expect(tenants <= 1, "\(table)")
                }
            }
            let jobs: Int = try await number(
                """
                select count(*) from multiconnect.jobs as j where organization_id is not null
                    and not exists (
                        select from multiconnect.organizations as o where o.id = j.organization_id)
                """, deployment.databaseURL, deployment)
            #expect(jobs == 0)
            let records: Int = try await number(
                """
                select count(*) from multiconnect.activity
                where action = 'organizations.delete_data' and detail like \(org.id + " %")
                """, deployment.databaseURL, deployment)
            #expect(records == 1)
        }

        @Test func `a grant that cannot be revoked stops the command, and the call can be left out`()
            async throws
        {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb()
                let worker = try deployment.startWorker()
                let org = try await deployment.orgs()[0]
                _ = try await deployment.install(org)
                _ = try await deployment.consent(org)
                try await deployment.waitUntil(org, is: "live")
                deployment.simulator.kill()
                let refused = try command(deployment, org.id, "--confirm", org.id, "--delete-data")
                #expect(refused.0 == 69 && refused.1.contains("--skip-revocation"), "\(refused.1)")
                #expect(try await deployment.status(of: org) == "uninstalled")
                let forced = try command(
                    deployment, org.id, "--confirm", org.id, "--delete-data", "--skip-revocation")
                #expect(forced.0 == 0, "\(forced.1)")
                #expect(try await deployment.status(of: org) == "none")
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }
    }
}

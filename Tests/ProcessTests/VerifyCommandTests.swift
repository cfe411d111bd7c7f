import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// `multiconnect verify` as operators run it.
    @Suite(.tags(.process))
    struct VerifyCommandTests {
        @Test
        func `verify prints differences, repairs them through the worker, and answers by its exit status`()
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
                func verify(_ arguments: String...) throws -> (status: Int32, output: String) {
                    let program = try Program.multiconnect(
                        ["verify"] + arguments, environment: deployment.environment)
                    return (program.exitStatus(), program.output)
                }
                let equal = try verify(org.id)
                #expect(equal.status == 0, "\(equal.output)")
                #expect(equal.output.contains("Account: equal, 300 rows"), "\(equal.output)")

                try await damage(deployment, org)
                let different = try verify(org.id, "Account", "--json")
                #expect(different.status == 1, "\(different.output)")
                #expect(different.output.contains(#""equal":false"#), "\(different.output)")
                #expect(different.output.contains(#""name":"name","rows":3"#), "\(different.output)")

                let repaired = try verify(org.id, "account", "--repair")
                #expect(repaired.status == 0, "\(repaired.output)\n\(worker.output.suffix(2_000))")
                try await deployment.expectExactRows(of: org)

                #expect(try verify(org.id, "Nothing__c").status == 66)
                #expect(try verify("00D000000000009").status == 66)
                #expect(try verify("x").status == 64)
                #expect(try verify(org.id, "--confirm").status == 64)
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }

        /// Two rows are lost, three have another name, and one is not in the org.
        private func damage(_ deployment: Deployment, _ org: Deployment.Org) async throws {
            try await deployment.withConnection(deployment.cellURL) { connection in
                try await connection.transaction { connection in
                    try await connection.script(
                        """
                        set local xmlbinary = 'hex'; set local search_path = \(org.schema);
                        delete from account where sfid in (select sfid from account order by sfid limit 2);
                        update account set name = 'x' where sfid in (select sfid from account order by sfid limit 3);
                        insert into account (sfid, name) values ('001zzzzzzzzz001AAA', 'gone')
                        """)
                }
            }
        }
    }
}

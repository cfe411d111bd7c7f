import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// A reload whose worker is killed.
    @Suite(.tags(.long))
    struct ReloadKillTests {
        private func reload(_ deployment: Deployment) async throws -> (state: String, bulkJob: String)? {
            try await deployment.withConnection(deployment.cellURL) { connection in
                try await connection.query(
                    """
                    select state, bulk_job_id from multiconnect_sync.imports
                    where kind = 'reload' and bulk_job_id is not null
                    """
                ).first.map { (try $0["state"], try $0["bulk_job_id"]) }
            }
        }

        @Test func `a reload continues with the same Bulk job after its worker was killed`() async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(
                    .init(simulator: [
                        "--orgs", "1", "--accounts", "2500", "--contacts", "50", "--tweets", "20",
                    ]), database: database)
                let web = try await deployment.startWeb()
                let first = try deployment.startWorker()
                let org = try await deployment.orgs()[0]
                _ = try await deployment.install(org)
                _ = try await deployment.consent(org)
                try await deployment.waitUntil(org, is: "live")
                // As if changes had been missed.
                try await deployment.withConnection(deployment.cellURL) { connection in
                    try await connection.script(
                        """
                        set xmlbinary = 'hex';
                        update "\(org.schema)".account set name = 'damaged' where id % 3 = 0;
                        delete from "\(org.schema)".account where id % 7 = 0
                        """)
                }
                try await deployment.fault(
                    #"{"kind":"delay","path":"/results","count":99,"milliseconds":60000}"#)
                let command = try Program.multiconnect(
                    ["mappings", "reload", org.id, "Account"], environment: deployment.environment)
                #expect(command.exitStatus() == 0, "\(command.output)")
                try await eventually(within: .seconds(60), "its Bulk job runs\n\(first.output.suffix(2000))")
                { try await reload(deployment) != nil }
                let before = try #require(try await reload(deployment))
                first.kill()
                try await deployment.fault(#"{"kind":"clear"}"#)
                let second = try deployment.startWorker()
                try await eventually(within: .seconds(90), "it is done\n\(second.output.suffix(2000))") {
                    try await reload(deployment)?.state == "done"
                }
                #expect(try await reload(deployment)?.bulkJob == before.bulkJob)
                try await deployment.expectExactRows(of: org)
                second.kill()
                web.kill()
                try await deployment.stop()
            }
        }
    }
}

import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// Tenants whose imports failed or were cancelled.
    @Suite(.tags(.process))
    struct TenantRetryTests {
        private static let options = Deployment.Options(
            simulator: ["--orgs", "1", "--accounts", "2500", "--contacts", "100", "--tweets", "20"])

        /// A deployment with one tenant and its import.
        private func withTenant(
            _ fault: String,
            _ body: @concurrent @Sendable (Deployment, Deployment.Org) async throws -> Void
        ) async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(Self.options, database: database)
                let web = try await deployment.startWeb()
                let worker = try deployment.startWorker()
                let org = try await deployment.orgs()[0]
                try await deployment.fault(fault)
                _ = try await deployment.install(org)
                _ = try await deployment.consent(org)
                do {
                    try await body(deployment, org)
                } catch {
                    Issue.record("\(error)\n\(worker.output)")
                }
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }

        private func text(_ sql: SQL, _ deployment: Deployment) async throws -> String? {
            try await deployment.withConnection(deployment.databaseURL) { try await $0.query(sql).first?[0] }
        }

        private func command(_ deployment: Deployment, _ arguments: String...) throws -> (Int32?, String) {
            let program = try Program.multiconnect(arguments, environment: deployment.environment)
            return (program.exitStatus(), program.output)
        }

        private static let account: SQL = """
            select j.id from multiconnect.jobs j join multiconnect.mappings m on j.unique_key = 'import:' || m.id
            where m.object_name = 'Account' and j.state = 'running'
            """

        @Test func `a retried import that was cancelled while it ran imports all rows`() async throws {
            try await withTenant(#"{"kind":"slow_bulk","milliseconds":600000}"#) { deployment, org in
                try await eventually(within: .seconds(60), "the import runs") {
                    try await text(Self.account, deployment) != nil
                }
                let job = try #require(try await text(Self.account, deployment))
                #expect(try command(deployment, "jobs", "cancel", job).0 == 0)
                try await deployment.waitUntil(org, is: "live")
                let state: SQL = "select state from multiconnect.mappings where object_name = 'Account'"
                #expect(try await text(state, deployment) == "ERROR")
                let detail: SQL = "select status_detail from multiconnect.organizations"
                #expect(try await text(detail, deployment)?.contains("Account: ") == true)
                try await deployment.fault(#"{"kind":"slow_bulk","milliseconds":0}"#)
                #expect(try command(deployment, "jobs", "retry", job).0 == 0)
                #expect(try await deployment.status(of: org) == "importing")
                try await deployment.waitUntil(org, is: "live")
                try await deployment.expectExactRows(of: org)
                #expect(try await text(detail, deployment) == nil)
            }
        }

        @Test func `organizations retry restarts failed steps, prints them, and can be repeated`()
            async throws
        {
            try await withTenant(#"{"kind":"needs_filter","object":"Tweet__c"}"#) { deployment, org in
                try await deployment.waitUntil(org, is: "live")
                let state: SQL = "select state from multiconnect.mappings where object_name = 'Tweet__c'"
                #expect(try await text(state, deployment) == "ERROR")
                let dead: SQL = "select error_message from multiconnect.jobs where state = 'dead'"
                #expect(try await text(dead, deployment)?.contains("MALFORMED_QUERY") == true)
                let notes: SQL = """
                    select count(*)::text from multiconnect.notifications where event_type = 'mapping_failed'
                    """
                #expect(try await text(notes, deployment) == "1")
                try await deployment.fault(#"{"kind":"needs_filter","object":"Tweet__c","on":false}"#)
                let (status, output) = try command(
                    deployment, "organizations", "retry", String(org.id.prefix(15)))
                #expect(status == 0)
                #expect(output.contains("ImportMapping Tweet__c: queued"), "\(output)")
                #expect(output.contains("is importing"), "\(output)")
                try await deployment.waitUntil(org, is: "live")
                try await deployment.expectExactRows(of: org)
                let again = try command(deployment, "organizations", "retry", org.id)
                #expect(again.0 == 0 && again.1.contains("nothing to retry"), "\(again)")
                #expect(try command(deployment, "organizations", "retry", UUID().uuidString).0 == 66)
                #expect(try command(deployment, "organizations", "retry", "nobody").0 == 64)
            }
        }
    }
}

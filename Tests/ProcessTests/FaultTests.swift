import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// Failures of Salesforce. At the end the tables have exactly the org's rows.
    @Suite(.tags(.process))
    struct FaultTests {
        static let faults: [(name: String, json: [String])] = [
            ("expired access tokens", [#"{"kind":"expire_access_tokens"}"#]),
            (
                "server errors",
                [
                    #"{"kind":"fail","path":"/describe","status":500,"count":2}"#,
                    #"{"kind":"fail","path":"/jobs/query","status":503,"count":2}"#,
                    #"{"kind":"fail","path":"/query","status":500,"count":1}"#,
                ]
            ),
            (
                "a connection dropped in the middle of a page",
                [
                    #"{"kind":"drop","path":"/results","bytes":100000,"count":2}"#,
                    #"{"kind":"drop","path":"/query","bytes":5000,"count":1}"#,
                ]
            ),
            (
                "rotating refresh tokens",
                [#"{"kind":"rotation","on":true}"#, #"{"kind":"expire_access_tokens"}"#]
            ),
        ]

        @Test(arguments: faults.indices)
        func `all rows arrive despite a failure of Salesforce`(index: Int) async throws {
            try await withDatabase { database in
                let options = Deployment.Options(
                    simulator: ["--orgs", "1", "--accounts", "5000", "--contacts", "300", "--tweets", "40"])
                let deployment = try await Deployment(options, database: database)
                let web = try await deployment.startWeb()
                let org = try await deployment.orgs()[0]
                _ = try await deployment.install(org)
                _ = try await deployment.consent(org)
                for fault in Self.faults[index].json { try await deployment.fault(fault) }
                let worker = try deployment.startWorker()
                try await deployment.waitUntil(org, is: "live", within: .seconds(150))
                try await deployment.expectExactRows(of: org)
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }

        @Test
        func `after a revoked grant the tenant is unauthorized, its data stays and the admin gets a mail`()
            async throws
        {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb()
                let org = try await deployment.orgs()[0]
                _ = try await deployment.install(org)
                _ = try await deployment.consent(org)
                try await deployment.fault(#"{"kind":"revoke_refresh_tokens"}"#)
                let worker = try deployment.startWorker()
                try await deployment.waitUntil(org, is: "unauthorized")
                try await eventually(within: .seconds(30), "the admin is mailed") {
                    try await deployment.withConnection(deployment.databaseURL) { connection in
                        try await connection.query(
                            "select count(*) from multiconnect.mails where purpose = 'unauthorized'"
                        )
                        .scalar(as: Int.self) == 1
                    }
                }
                // After a new consent it continues where it stopped.
                #expect(try await deployment.consent(org).status == 200)
                try await deployment.waitUntil(org, is: "live")
                try await deployment.expectExactRows(of: org)
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }
    }
}

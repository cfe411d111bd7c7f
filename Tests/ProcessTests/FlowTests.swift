import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// The whole flow, from the registration to the last row.
    @Suite(.tags(.process))
    struct FlowTests {
        @Test func `two orgs whose ids differ only in case get separate schemas with exactly their rows`()
            async throws
        {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb()
                let worker = try deployment.startWorker()
                let orgs = try await deployment.orgs()
                #expect(orgs[0].id.prefix(15).lowercased() == orgs[1].id.prefix(15).lowercased())
                #expect(orgs[0].schema != orgs[1].schema)
                for org in orgs { #expect(try await deployment.install(org).status == 202) }
                for org in orgs { #expect(try await deployment.consent(org).status == 200) }
                for org in orgs {
                    try await deployment.waitUntil(org, is: "live")
                    try await deployment.expectExactRows(of: org)
                    #expect(try await deployment.install(org).status == 409)
                }
                worker.signal(SIGTERM)
                web.signal(SIGTERM)
                #expect(worker.exitStatus() == 0, "\(worker.output)")
                #expect(web.exitStatus() == 0, "\(web.output)")
                try await deployment.stop()
            }
        }

        @Test func `a tenant's rows may be in a second database`() async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(.init(hasSecondCell: true), database: database)
                let web = try await deployment.startWeb()
                let worker = try deployment.startWorker()
                let org = try await deployment.orgs()[0]
                _ = try await deployment.install(org)
                _ = try await deployment.consent(org)
                try await deployment.waitUntil(org, is: "live")
                try await deployment.expectExactRows(of: org)
                let inControl = try await deployment.withConnection(deployment.databaseURL) { connection in
                    try await connection.query("select to_regnamespace(\(org.schema)) is not null").scalar(
                        as: Bool.self)
                }
                #expect(!inControl, "the tenant's schema is in its cell only")
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }

        @Test
        func `an ordinary role, hstore in another schema, another time zone and a Redis password work`()
            async throws
        {
            try await withDatabase { database in
                let options = Deployment.Options(redisPassword: "s3cret", isRestricted: true)
                let deployment = try await Deployment(options, database: database)
                let web = try await deployment.startWeb()
                let worker = try deployment.startWorker()
                let org = try await deployment.orgs()[0]
                _ = try await deployment.install(org)
                _ = try await deployment.consent(org)
                try await deployment.waitUntil(org, is: "live")
                try await deployment.expectExactRows(of: org)
                #expect(!(web.output + worker.output).contains("s3cret"), "no password in the log")
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }

        @Test func `the page for an admin without permissions names them, and nothing is stored`()
            async throws
        {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb()
                let org = try await deployment.orgs()[0]
                _ = try await deployment.install(org)
                let limited = try #require(org.users.first { $0.username.hasPrefix("limited") })
                let answer = try await deployment.consent(org, as: limited.username)
                #expect(answer.text.contains("View All Data"))
                #expect(try await deployment.status(of: org) == "registered")
                let stored = try await deployment.withConnection(deployment.databaseURL) { connection in
                    try await connection.query("select count(*) from multiconnect.credentials").scalar(
                        as: Int.self)
                }
                #expect(stored == 0)
                web.kill()
                try await deployment.stop()
            }
        }
    }
}

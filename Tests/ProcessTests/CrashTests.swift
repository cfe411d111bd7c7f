import Foundation
import FoundationNetworking
import Postgres
import Support
import Testing

extension ProcessTests {
    /// Processes killed at critical moments. At the end the tables have exactly the org's rows.
    @Suite(.tags(.long))
    struct CrashTests {
        static let large = ["--orgs", "1", "--accounts", "30000", "--contacts", "3000", "--tweets", "40"]

        @Test func `a worker that is killed repeatedly during an import loses and doubles no rows`()
            async throws
        {
            try await withDatabase { database in
                let deployment = try await Deployment(.init(simulator: Self.large), database: database)
                let web = try await deployment.startWeb()
                let org = try await deployment.orgs()[0]
                _ = try await deployment.install(org)
                _ = try await deployment.consent(org)
                for round in 1...3 {
                    let worker = try deployment.startWorker()
                    try await eventually(
                        within: .seconds(60), "rows arrive in round \(round)\n\(worker.output)"
                    ) {
                        try await rows(deployment, org) > (round - 1) * 500
                    }
                    worker.kill()
                }
                let worker = try deployment.startWorker()
                try await deployment.waitUntil(org, is: "live", within: .seconds(120))
                try await deployment.expectExactRows(of: org)
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }

        @Test func `a web process killed between commit and push, and during a consent, loses nothing`()
            async throws
        {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb()
                // Redis does not answer, so the job is committed but not pushed.
                deployment.redis.signal(SIGSTOP)
                let org = try await deployment.orgs()[0]
                async let registered: Void = {
                    // There may be no answer: the process is killed while it waits for Redis.
                    _ = try? await deployment.install(org)
                }()
                try await eventually(within: .seconds(60), "the row is committed\n\(web.output)") {
                    try await deployment.status(of: org) == "registered"
                }
                web.kill()
                await registered
                deployment.redis.signal(SIGCONT)
                let second = try await deployment.startWeb()
                let worker = try deployment.startWorker()
                try await eventually(within: .seconds(60), "the mail was written\n\(worker.output)") {
                    try await deployment.withConnection(deployment.databaseURL) { connection in
                        try await connection.query("select count(*) from multiconnect.mails").scalar(
                            as: Int.self)
                            == 1
                    }
                }
                // A consent that was started on a killed process is finished on another.
                let browser = URLSession(configuration: .ephemeral)
                let page = try await deployment.get(
                    "/auth/salesforce?environment=production&org_id=\(org.id)", session: browser)
                second.kill()
                let third = try await deployment.startWeb()
                let query = try #require(page.url?.query(percentEncoded: true))
                let answer = try await deployment.post(
                    deployment.simulatorURL + "/services/oauth2/authorize",
                    body: "\(query)&username=\(org.users[0].username)&decision=allow",
                    type: "application/x-www-form-urlencoded", session: browser)
                #expect(answer.status == 200)
                try await deployment.waitUntil(org, is: "live")
                try await deployment.expectExactRows(of: org)
                worker.kill()
                third.kill()
                try await deployment.stop()
            }
        }

        @Test func `emptying and killing Redis during an import costs only time`() async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(.init(simulator: Self.large), database: database)
                let web = try await deployment.startWeb()
                let worker = try deployment.startWorker()
                let org = try await deployment.orgs()[0]
                _ = try await deployment.install(org)
                try flushAll(deployment)
                _ = try await deployment.consent(org)
                try flushAll(deployment)
                try await eventually(within: .seconds(60), "rows arrive\n\(worker.output)") {
                    try await rows(deployment, org) > 0
                }
                deployment.redis.kill()
                try await deployment.waitUntil(org, is: "live", within: .seconds(120))
                try await deployment.expectExactRows(of: org)
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }

        /// Committed rows of Account.
        private func rows(_ deployment: Deployment, _ org: Deployment.Org) async throws -> Int {
            try await deployment.withConnection(deployment.cellURL) { connection in
                let table = org.schema + ".account"
                let exists = try await connection.query("select to_regclass(\(table)) is not null").scalar(
                    as: Bool.self)
                guard exists else { return 0 }
                return try await connection.query("select count(*) from \(identifier: org.schema, "account")")
                    .scalar(as: Int.self)
            }
        }

        private func flushAll(_ deployment: Deployment) throws {
            let program = try Program(
                "flush", "/usr/bin/redis-cli", ["-p", "\(deployment.redisPort)", "flushall"])
            #expect(program.exitStatus() == 0)
        }
    }
}

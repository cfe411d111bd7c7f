import Encoding
import Foundation
import FoundationNetworking
import HTTPServer
import HTTPWire
import Logging
import Postgres
import Reactor
import Support
import Synchronization
import Testing

/// The X API v2 on loopback: one popular post for each query, whose likes the test sets.
private final class PostService: Sendable {
    static let token = "app-token"
    private let likes = Mutex(50)
    private let asked = Mutex<[String]>([])
    let listener: Listener

    init() throws { listener = try Listener.tcp(host: "127.0.0.1", port: 0) }

    var origin: String { "http://127.0.0.1:\(listener.address.port)" }
    var queries: [String] { asked.withLock { $0 } }

    func setLikes(_ number: Int) { likes.withLock { $0 = number } }

    func serve() async throws {
        var router = Router()
        router.on(.get, "/2/tweets/search/recent") { [self] request in
            guard request.headers["authorization"] == "Bearer \(Self.token)" else {
                return Response(status: .unauthorized)
            }
            let query = request.query["query"] ?? ""
            let number = asked.withLock { asked -> Int in
                if !asked.contains(query) { asked.append(query) }
                return (asked.firstIndex(of: query) ?? 0) + 1
            }
            let count = likes.withLock { $0 }
            return .json(
                bytes: Array(
                    """
                    {"data":[{"id":"90\(number)","text":"About you 🚀","author_id":"1",\
                    "created_at":"2026-01-02T03:04:05.000Z","public_metrics":{"like_count":\(count)}}],\
                    "includes":{"users":[{"id":"1","username":"ann"}]}}
                    """.utf8))
        }
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        try await Server(router: router, configuration: ServerConfiguration(), logger: logger)
            .serve(on: listener)
    }
}

extension ProcessTests {
    /// `multiconnect example tweets`, up to the org.
    @Suite(.tags(.process))
    struct ExampleTests {
        private static let mapping = """
            {"mappings": [
              {"object_name": "Account", "config": {"access": "read_only", "sf_polling_seconds": 10,
                "fields": {"Id": {}, "Name": {}, "SystemModstamp": {}}, "indexes": {}}},
              {"object_name": "Tweet__c", "config": {"access": "read_write", "sf_polling_seconds": 10,
                "upsert_field": "External_ID__c", "fields": {"Id": {}, "Account__c": {}, "Author__c": {},
                "External_ID__c": {}, "Likes__c": {}, "Posted_At__c": {}, "Text__c": {},
                "SystemModstamp": {}}, "indexes": {"External_ID__c": {"unique": true}}}}
            ], "version": 1}
            """

        @Test func `posts about accounts become records of the org, once, and their likes follow`()
            async throws
        {
            try await withApplication(
                simulator: ["--orgs", "1", "--accounts", "4", "--contacts", "0", "--tweets", "0"]
            ) { rig in
                _ = try rig.importMappings(Self.mapping)
                try await eventually("accounts are there") {
                    (try? await rig.app("select count(*) from T.tweet__c").scalar(as: Int.self)) == 0
                }
                // A loop of its own, because the test waits for commands on its loop.
                let loop = EventLoop(name: "posts")
                defer { loop.shutdown() }
                let service = try await loop.run { try PostService() }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await loop.run { try await service.serve() } }
                    try await run(rig, service)
                    group.cancelAll()
                }
            }
        }

        private func run(_ rig: ApplicationRig, _ service: PostService) async throws {
            func find(_ settings: [String: String]) throws -> (status: Int32, output: String) {
                let program = try Program.multiconnect(
                    ["example", "tweets"],
                    environment: rig.deployment.environment.merging(settings) { $1 }.merging(
                        ["LOG_LEVEL": "critical"]) { $1 })
                return (program.exitStatus(), program.output)
            }
            try await eventually("the service answers") {
                let url = URL(string: service.origin + "/2/tweets/search/recent")!
                return try await rig.deployment.send(URLRequest(url: url)).status == 401
            }
            #expect(try find([:]).status == 78, "without a token")
            let settings = ["X_API_URL": service.origin, "X_BEARER_TOKEN": PostService.token]
            let wrong = try find(settings.merging(["X_BEARER_TOKEN": "other"]) { $1 })
            #expect(wrong.status == 69 && wrong.output.contains("401"), "\(wrong.output)")
            #expect(!wrong.output.contains("other"))
            let first = try find(settings)
            #expect(first.status == 0 && first.output.contains("4 rows"), "\(first.output)")
            #expect(service.queries.count == 4)
            try await eventually(within: .seconds(40), "the posts are in the org") {
                try await rig.records("Tweet__c", by: "external_id__c").count == 4
            }
            let record = try #require(try await rig.records("Tweet__c", by: "external_id__c")["901"])
            #expect(record["author__c"]?.string == "@ann")
            let accounts: [String] = try await rig.app("select sfid from T.account").column()
            #expect(accounts.contains(record["account__c"]?.string ?? ""))

            #expect(try find(settings).output.contains("0 rows"), "nothing has changed")
            service.setLikes(51)
            #expect(try find(settings).output.contains("4 rows"))
            #expect(try await rig.app("select count(*) from T.tweet__c").scalar(as: Int.self) == 4)
            let posted: String = try await rig.app(
                "select to_char(min(posted_at__c), 'YYYY-MM-DD HH24:MI:SS') from T.tweet__c"
            ).scalar()
            #expect(posted == "2026-01-02 03:04:05")

            // A worker with the settings does the same.
            service.setLikes(52)
            rig.worker.kill()
            let worker = try rig.deployment.startWorker(settings)
            defer { worker.kill() }
            try await rig.app(
                """
                update multiconnect.periodic_jobs set next_run_at = now() where name = 'schedule-tweets'
                """)
            try await eventually(within: .seconds(40), "the periodic job runs") {
                try await rig.app("select coalesce(bool_and(likes__c = 52), false) from T.tweet__c").scalar()
            }
        }
    }
}

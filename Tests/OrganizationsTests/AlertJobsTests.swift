import Activity
import Cryptography
import Encoding
import Foundation
import HTTPClient
import HTTPServer
import HTTPWire
import JobIndex
import JobWorker
import Jobs
import Logging
import Postgres
import Reactor
import Redis
import Support
import Synchronization
import Testing

@testable import Organizations

/// The receiver of a webhook, which keeps the requests.
private final class Receiver: Sendable {
    struct Delivery: Sendable {
        let id: String
        let signature: String
        let body: [UInt8]
    }

    private let received = Mutex<[Delivery]>([])
    private let status = Mutex(Status.ok)

    var deliveries: [Delivery] { received.withLock { $0 } }
    var ids: [String] { deliveries.map(\.id) }

    func answer(_ status: Status) { self.status.withLock { $0 = status } }

    func serve(on listener: Listener) async throws {
        var router = Router()
        router.on(.post, "/hook") { [self] request in
            received.withLock {
                $0.append(
                    Delivery(
                        id: request.headers["Multiconnect-Event-Id"] ?? "",
                        signature: request.headers["Multiconnect-Signature"] ?? "", body: request.body))
            }
            return .text("answer\n", status: status.withLock { $0 })
        }
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        try await Server(router: router, configuration: ServerConfiguration(), logger: logger)
            .serve(on: listener)
    }
}

@Suite(.tags(.store))
struct AlertJobsTests {
    private static let secret = "0123456789abcdef"
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    /// Runs `workers` workers with these settings beside `body`.
    private func running(
        _ tenancy: Tenancy, mail: MailSettings? = nil, alerts: AlertSettings, workers: Int = 1,
        _ body: @Sendable (JobQueue) async throws -> Void
    ) async throws {
        try await withRedis { redis in
            let client = RedisClient(configuration: redis.configuration)
            defer { client.close() }
            let queue = JobQueue(pool: tenancy.pool, redis: client, logger: logger)
            let settings =
                mail ?? MailSettings(server: nil, sender: nil, developmentRecipient: nil)
            var registry = JobRegistry()
            AlertJobs(
                pool: tenancy.pool, http: HTTPClient(),
                app: AppIdentity(name: "Sync", url: "https://app.example"), mail: settings, alerts: alerts
            ).register(in: &registry)
            let all = (0..<workers).map { number in
                Worker(
                    loops: [
                        WorkerLoop(
                            executor: EventLoop.current, pool: tenancy.pool, queue: queue,
                            registry: registry, onGivenUp: { _, _ in })
                    ],
                    index: QueueIndex(redis: client),
                    settings: WorkerSettings(
                        concurrency: 4, identity: WorkerIdentity(hostname: "test", processID: number),
                        database: tenancy.database.configuration, redis: redis.configuration),
                    retryRule: { OrganizationRetry.decision(for: $0) ?? .retry }, logger: logger)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in all { group.addTask { await worker.run() } }
                do { try await body(queue) } catch {
                    group.cancelAll()
                    throw error
                }
                for worker in all { worker.stop() }
                try await group.waitForAll()
            }
        }
    }

    private func listening(
        _ body: @Sendable (Receiver, WebhookTarget) async throws -> Void
    ) async throws {
        let receiver = Receiver()
        let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
        let target = try #require(
            WebhookTarget(
                url: "http://127.0.0.1:\(listener.address.port)/hook", secret: Secret(text: Self.secret)))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await receiver.serve(on: listener) }
            try await body(receiver, target)
            group.cancelAll()
        }
    }

    private func add(_ tenancy: Tenancy, _ kind: String, _ messages: String...) async throws {
        for message in messages {
            try await tenancy.pool.withConnection {
                try await NotificationStore(on: $0).add(kind, organization: nil, message: message)
            }
        }
        // The first notification of a mail waits a minute for others.
        try await tenancy.pool.execute(
            """
            update multiconnect.notifications set created_at = created_at - interval '2 minutes',
                mailed_at = mailed_at - interval '10 minutes'
            """)
    }

    /// Runs collections, and waits until all jobs have ended or wait for a retry.
    private func collect(_ queue: JobQueue, _ tenancy: Tenancy, times: Int = 1) async throws {
        for _ in 0..<times { _ = try await queue.enqueue(NewJob(AlertJobs.collect)) }
        try await eventually("the end of all jobs") {
            try await tenancy.pool.query(
                """
                select count(*) from multiconnect.jobs
                where finished_at is null and state not in ('retry', 'scheduled')
                """
            ).scalar(as: Int.self) == 0
        }
    }

    private func mails(_ tenancy: Tenancy) async throws -> [StoredMail] {
        try await tenancy.pool.withConnection { try await MailStore(on: $0).list() }
    }

    private func open(_ tenancy: Tenancy) async throws -> [String] {
        try await tenancy.pool.withConnection {
            try await NotificationStore(on: $0).open().map(\.eventType)
        }
    }

    @Test func `each operator gets one mail about a notification, though two workers collect`() async throws {
        try await Tenancy.run { tenancy in
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            let postbox = Postbox()
            let mail = MailSettings(
                server: try MailServer(url: "smtp://127.0.0.1:\(listener.address.port)"),
                sender: MailSender("sync@app.example"), support: EmailAddress("help@app.example"),
                developmentRecipient: nil)
            let operators = ["ann@example.com", "bob@example.com"].compactMap { EmailAddress($0) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await postbox.serve(on: listener) }
                let alerts = AlertSettings(recipients: operators)
                try await running(tenancy, mail: mail, alerts: alerts, workers: 2) { queue in
                    try await add(tenancy, "mapping_failed", "first", "second")
                    try await collect(queue, tenancy, times: 6)
                    let sent = try await mails(tenancy)
                    #expect(Set(sent.map(\.recipient)) == ["ann@example.com", "bob@example.com"])
                    #expect(sent.count == 2 && sent.allSatisfy { $0.sentAt != nil && $0.purpose == "alert" })
                    #expect(sent[0].text.contains("first\n") && sent[0].text.contains("second\n"))
                    // The same kind waits, another does not.
                    try await add(tenancy, "mapping_failed", "third")
                    try await add(tenancy, "unauthorized", "fourth")
                    try await collect(queue, tenancy)
                    let later = try await mails(tenancy)
                    #expect(later.count == 4 && later[0].text.contains("fourth"))
                    #expect(!later.contains { $0.text.contains("third") })
                }
                group.cancelAll()
            }
            #expect(postbox.lines.count { $0.hasPrefix("RCPT TO:<ann@example.com>") } == 2)
            #expect(!postbox.lines.contains { $0.hasPrefix("Reply-To:") }, "operators are the support")
        }
    }

    @Test func `a refused operator is a notification of its own, which a mail to another does not close`()
        async throws
    {
        try await Tenancy.run { tenancy in
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            let postbox = Postbox(refusing: "550 5.1.1 unknown")
            let mail = MailSettings(
                server: try MailServer(url: "smtp://127.0.0.1:\(listener.address.port)"),
                sender: MailSender("sync@app.example"), developmentRecipient: nil)
            let alerts = AlertSettings(recipients: [try #require(EmailAddress("ann@example.com"))])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await postbox.serve(on: listener) }
                try await running(tenancy, mail: mail, alerts: alerts) { queue in
                    try await add(tenancy, "mapping_failed", "first")
                    try await collect(queue, tenancy)
                    #expect(try await open(tenancy) == ["operator_mail_failed", "mapping_failed"])
                    try await add(tenancy, "unauthorized", "second")
                    try await collect(queue, tenancy)
                    #expect(try await open(tenancy).count { $0 == "operator_mail_failed" } == 1)
                }
                group.cancelAll()
            }
        }
    }

    @Test func `the webhook gets each opened and closed event once, in order and signed`() async throws {
        try await Tenancy.run { tenancy in
            try await listening { receiver, target in
                let alerts = AlertSettings(webhook: target)
                try await running(tenancy, alerts: alerts, workers: 2) { queue in
                    try await add(tenancy, "mapping_failed", "first", "second")
                    try await collect(queue, tenancy, times: 4)
                    let ids = try await tenancy.pool.query(
                        "select id from multiconnect.notifications order by id"
                    ).column(as: Int64.self)
                    #expect(receiver.ids.sorted() == ids.map { "notification-\($0)-opened" })
                    // One is closed after its first event, one before both.
                    try await add(tenancy, "unauthorized", "third")
                    try await tenancy.pool.withConnection {
                        _ = try await NotificationStore(on: $0).acknowledge(ids[0], by: "ann")
                        try await NotificationStore(on: $0).resolve(["unauthorized"], organization: nil)
                    }
                    try await collect(queue, tenancy, times: 4)
                    #expect(receiver.ids.count == 5 && receiver.ids.contains("notification-\(ids[0])-closed"))
                    let third = receiver.ids.filter { !$0.contains("-\(ids[0])-") }.suffix(2)
                    #expect(third.first?.hasSuffix("-opened") == true)
                    #expect(third.last?.hasSuffix("-closed") == true)
                }
                #expect(try await mails(tenancy).isEmpty)
                for delivery in receiver.deliveries {
                    let parts = delivery.signature.split(separator: ",")
                    let time = try #require(parts.first?.dropFirst(2))
                    let code = HMAC.sha256(
                        key: Secret(text: Self.secret), message: Array("\(time).".utf8) + delivery.body)
                    #expect(parts.last == "v1=\(Hex.encode(code))")
                    #expect(try JSONValue(parsing: delivery.body)["id"]?.string == delivery.id)
                }
            }
        }
    }

    @Test func `an event is retried after a server's error, and ended by a refusal`() async throws {
        try await Tenancy.run { tenancy in
            try await listening { receiver, target in
                try await running(tenancy, alerts: AlertSettings(webhook: target)) { queue in
                    receiver.answer(.serviceUnavailable)
                    try await add(tenancy, "mapping_failed", "first")
                    try await collect(queue, tenancy, times: 3)
                    #expect(receiver.ids.count == 1)
                    let states: SQL = "select state from multiconnect.jobs where class = 'SendWebhook'"
                    #expect(try await tenancy.pool.query(states).column(as: String.self) == ["retry"])
                    #expect(try await open(tenancy) == ["mapping_failed"])

                    receiver.answer(.notFound)
                    try await add(tenancy, "unauthorized", "second")
                    try await collect(queue, tenancy, times: 3)
                    #expect(receiver.ids.count == 2)
                    // The job of the notification about the webhook itself sends nothing.
                    let ended = try await Set(tenancy.pool.query(states).column(as: String.self))
                    #expect(ended.subtracting(["done"]) == ["retry", "dead"], "\(ended)")
                    #expect(
                        try await Set(open(tenancy)) == ["mapping_failed", "unauthorized", "webhook_failing"])

                    receiver.answer(.ok)
                    try await add(tenancy, "stream_lost", "third")
                    try await collect(queue, tenancy)
                    #expect(!(try await open(tenancy)).contains("webhook_failing"))
                    #expect(receiver.ids.count == 3)
                }
            }
        }
    }

    @Test func `notifications from before a receiver was set are not sent later`() async throws {
        try await Tenancy.run { tenancy in
            try await listening { receiver, target in
                try await running(tenancy, alerts: AlertSettings()) { queue in
                    try await add(tenancy, "mapping_failed", "first")
                    try await collect(queue, tenancy)
                }
                let alerts = AlertSettings(
                    recipients: [try #require(EmailAddress("ann@example.com"))], webhook: target)
                try await running(tenancy, alerts: alerts) { queue in
                    try await tenancy.pool.withConnection {
                        _ = try await NotificationStore(on: $0).acknowledgeAll(by: "ann")
                    }
                    try await add(tenancy, "mapping_failed", "second")
                    try await collect(queue, tenancy)
                    #expect(receiver.ids.count == 1)
                    let stored = try await mails(tenancy)
                    #expect(stored.count == 1 && stored[0].sentAt == nil)
                    #expect(stored.first?.text.contains("first") == false)
                }
            }
        }
    }
}

extension AlertJobsTests {
    @Test func `a tenant's admin gets one mail a day about a kind, and only about what an admin can end`()
        async throws
    {
        try await Tenancy.run { tenancy in
            let id = try await tenancy.organization().id
            @Sendable func note(_ kind: String, _ message: String) async throws {
                try await tenancy.pool.withConnection {
                    try await NotificationStore(on: $0).add(kind, organization: id, message: message)
                }
                try await tenancy.pool.execute(
                    "update multiconnect.notifications set created_at = created_at - interval '2 minutes'")
            }
            @Sendable func adminMails() async throws -> [StoredMail] {
                try await mails(tenancy).filter { $0.purpose == "admin_alert" }
            }
            try await running(tenancy, alerts: AlertSettings(mailsAdmins: true)) { queue in
                try await note("mapping_problems", "Account: no field <b>Secret__c</b>")
                try await note("object_gone", "Thing__c: gone")
                try await note("rows_quarantined", "not for admins")
                try await collect(queue, tenancy)
                let first = try await adminMails()
                #expect(first.count == 1 && first.first?.organization == id)
                #expect(first.first?.text.contains("Secret__c") == true)
                #expect(first.first?.text.contains("Thing__c: gone") == true)
                #expect(first.first?.text.contains("Give the user who consented") == true)
                #expect(first.first?.text.contains("not for admins") == false)
                try await note("mapping_problems", "Contact: no field Other__c")
                try await collect(queue, tenancy)
                #expect(try await adminMails().count == 1, "the same kind waits for a day")
                try await note("api_allowance_low", "Account: waits")
                try await collect(queue, tenancy)
                #expect(try await adminMails().count == 2)
                try await tenancy.pool.execute(
                    "update multiconnect.notifications set admin_mailed_at = admin_mailed_at - interval '25 hours'"
                )
                try await collect(queue, tenancy)
                let late = try await adminMails()
                #expect(late.count == 3 && late.first?.text.contains("Other__c") == true)
            }
            let actions: [String] = try await tenancy.pool.query(
                "select detail from multiconnect.activity where action = 'admin_alerted' order by id"
            ).column()
            #expect(actions == ["mapping_problems, object_gone", "api_allowance_low", "mapping_problems"])
        }
    }

    @Test func `admins get no alerts unless the installation wants it, also not about earlier ones`()
        async throws
    {
        try await Tenancy.run { tenancy in
            let id = try await tenancy.organization().id
            try await tenancy.pool.withConnection {
                try await NotificationStore(on: $0).add("object_gone", organization: id, message: "early")
            }
            try await tenancy.pool.execute(
                "update multiconnect.notifications set created_at = created_at - interval '2 minutes'")
            try await running(tenancy, alerts: AlertSettings()) { try await collect($0, tenancy) }
            try await running(tenancy, alerts: AlertSettings(mailsAdmins: true)) {
                try await collect($0, tenancy)
            }
            #expect(try await mails(tenancy).allSatisfy { $0.purpose != "admin_alert" })
        }
    }
}

import Activity
import Encoding
import Foundation
import HTTPClient
import JobIndex
import JobWorker
import Jobs
import Logging
import OrgSimulator
import Postgres
import Reactor
import Redis
import Salesforce
import Support
import Synchronization
import Testing

@testable import Organizations

/// A mail server that accepts all mails, or refuses recipients or logins, and keeps the received lines.
final class Postbox: Sendable {
    private let received = Mutex<[String]>([])
    private let refusal: String?
    private let loginRefusal: String?

    init(refusing refusal: String? = nil, refusingLogin loginRefusal: String? = nil) {
        self.refusal = refusal
        self.loginRefusal = loginRefusal
    }

    var lines: [String] { received.withLock { $0 } }

    func serve(on listener: Listener) async throws {
        while !Task.isCancelled {
            let socket = try await listener.accept()
            defer { socket.close() }
            try? await talk(socket)
        }
    }

    private func talk(_ socket: Socket) async throws {
        var isData = false
        var pending: [UInt8] = []
        var buffer = ReadBuffer(capacity: 4_096)
        try await socket.write(Array("220 ready\r\n".utf8), deadline: nil)
        while try await socket.read(into: &buffer, deadline: nil) > 0 {
            pending += buffer.bytes(0..<buffer.readableCount)
            buffer.consume(buffer.readableCount)
            while let end = pending.firstIndex(of: 0x0A) {
                let line = String(decoding: pending[..<end], as: UTF8.self).filter {
                    $0 != "\r" && $0 != "\r\n"
                }
                pending.removeFirst(end + 1)
                received.withLock { $0.append(line) }
                if isData && line != "." { continue }
                isData = line == "DATA"
                let hello = line.hasPrefix("EHLO") && loginRefusal != nil ? "250 AUTH PLAIN" : nil
                let login = line.hasPrefix("AUTH") ? loginRefusal : nil
                let refused = line.hasPrefix("RCPT") ? refusal : hello ?? login
                let reply = refused ?? (line.hasPrefix("QUIT") ? "221 bye" : isData ? "354 go on" : "250 ok")
                try await socket.write(Array("\(reply)\r\n".utf8), deadline: nil)
            }
        }
    }
}

@Suite(.tags(.store))
struct OrganizationJobsTests {
    private func running(
        _ world: SimulatedOrgs, mail: MailSettings, namespace: String? = nil,
        _ body: @Sendable (JobQueue) async throws -> Void
    ) async throws {
        try await withRedis { redis in
            let client = RedisClient(configuration: redis.configuration)
            defer { client.close() }
            let pool = world.tenancy.pool
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let queue = JobQueue(pool: pool, redis: client, logger: logger)
            var registry = JobRegistry()
            OrganizationJobs(
                pool: pool, http: world.http, sessions: world.sessions,
                app: AppIdentity(name: "Sync", url: "https://app.example"), mail: mail, namespace: namespace
            ).register(in: &registry)
            let settings = WorkerSettings(
                concurrency: 2, identity: WorkerIdentity(hostname: "test", processID: 1),
                database: world.tenancy.database.configuration, redis: redis.configuration)
            let worker = Worker(
                loops: [
                    WorkerLoop(
                        executor: EventLoop.current, pool: pool, queue: queue, registry: registry,
                        onGivenUp: { await MailFailureReport(control: pool, logger: logger).report($0, $1) })
                ],
                index: QueueIndex(redis: client), settings: settings,
                retryRule: { OrganizationRetry.decision(for: $0) ?? .retry },
                logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await worker.run() }
                do { try await body(queue) } catch {
                    group.cancelAll()
                    throw error
                }
                worker.stop()
                try await group.waitForAll()
            }
        }
    }

    private func settings(
        _ server: MailServer? = nil, development: String? = nil, support: String? = nil
    ) throws -> MailSettings {
        MailSettings(
            server: server, sender: MailSender("Acme, Inc. <sync@app.example>"),
            support: support.flatMap { EmailAddress($0) },
            developmentRecipient: development.flatMap { EmailAddress($0) })
    }

    private func mails(_ world: SimulatedOrgs) async throws -> [StoredMail] {
        try await world.tenancy.pool.withConnection { try await MailStore(on: $0).list() }
    }

    @Test func `without a mail server the mail can be read in the database`() async throws {
        try await SimulatedOrgs.run { world in
            try await running(world, mail: try settings()) { queue in
                let registration = OrganizationRegistration(pool: world.tenancy.pool, queue: queue)
                _ = try await registration.register(world.tenancy.request(name: "<b>Acme</b>"))
                try await eventually("a mail") { try await !mails(world).isEmpty }
                let mail = try #require(try await mails(world).first)
                #expect(
                    mail.recipient == "ann@example.com" && mail.sentAt == nil && mail.purpose == "consent")
                #expect(mail.text.contains("https://app.example/authenticate?org_id=00D090000083B1pEAE"))
                #expect(!mail.html.contains("<b>Acme"))
            }
        }
    }

    @Test func `in development all mails go to DEV_EMAIL, and answers go to the support`() async throws {
        try await SimulatedOrgs.run { world in
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            let postbox = Postbox()
            let server = try MailServer(url: "smtp://127.0.0.1:\(listener.address.port)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await postbox.serve(on: listener) }
                let settings = try settings(
                    server, development: "dev@example.org", support: "help@app.example")
                try await running(world, mail: settings) { queue in
                    let registration = OrganizationRegistration(pool: world.tenancy.pool, queue: queue)
                    _ = try await registration.register(
                        world.tenancy.request(name: "A\r\nBcc: x@example.com"))
                    try await eventually("a sent mail") { try await mails(world).first?.sentAt != nil }
                    #expect(try await mails(world).map(\.sentTo) == ["dev@example.org"])
                }
                group.cancelAll()
            }
            let lines = postbox.lines
            #expect(lines.contains { $0.hasPrefix("RCPT TO:<dev@example.org>") })
            #expect(lines.contains("Reply-To: <help@app.example>"), "\(lines)")
            #expect(!lines.contains { $0.hasPrefix("Bcc:") || $0.contains("ann@example.com") })
        }
    }

    /// Registers an org whose mail the server refuses, and waits until the job has run once.
    private func refused(
        _ world: SimulatedOrgs, _ reply: String, until isOver: @Sendable () async throws -> Bool
    ) async throws {
        let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
        let postbox = Postbox(refusing: reply)
        let server = try MailServer(url: "smtp://127.0.0.1:\(listener.address.port)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await postbox.serve(on: listener) }
            try await running(world, mail: try settings(server)) { queue in
                let registration = OrganizationRegistration(pool: world.tenancy.pool, queue: queue)
                _ = try await registration.register(world.tenancy.request())
                try await eventually("the end of the job", isOver)
            }
            group.cancelAll()
        }
    }

    private func states(_ world: SimulatedOrgs) async throws -> [String] {
        try await world.tenancy.pool.query("select state from multiconnect.jobs").column()
    }

    @Test func `a mail that the server refuses for good is dead at once and operators are notified`()
        async throws
    {
        try await SimulatedOrgs.run { world in
            @Sendable func open() async throws -> [OperatorNotification] {
                try await world.tenancy.pool.withConnection { try await NotificationStore(on: $0).open() }
            }
            try await refused(world, "550 5.1.1 <ann@example.com> is unknown here") {
                try await !open().isEmpty
            }
            #expect(try await states(world) == ["dead"])
            let told = try await open()
            #expect(told.map(\.eventType) == ["mail_failed"] && told.first?.organizationName == "Acme")
            #expect(told.first?.message.contains("127.0.0.1") == true)
            #expect(told.first?.message.contains("550 5.1.1 <recipient> is unknown here") == true)
            let organization = try #require(
                try await world.tenancy.pool.withConnection { try await OrganizationStore(on: $0).list() }
                    .first)
            #expect(organization.status == .registered)
            #expect(organization.statusDetail?.contains("550 5.1.1") == true)
            #expect(try await mails(world).first?.error?.contains("550 5.1.1") == true)
            // A sent mail closes the notification and clears the detail.
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            let server = try MailServer(url: "smtp://127.0.0.1:\(listener.address.port)")
            let postbox = Postbox()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await postbox.serve(on: listener) }
                try await running(world, mail: try settings(server)) { queue in
                    _ = try await OrganizationRegistration(pool: world.tenancy.pool, queue: queue)
                        .register(world.tenancy.request(email: "bob@example.com"))
                    try await eventually("a sent mail") { try await open().isEmpty }
                }
                group.cancelAll()
            }
            #expect(try await world.find(organization).statusDetail == nil)
            #expect(postbox.lines.contains("From: =?utf-8?B?QWNtZSwgSW5jLg==?= <sync@app.example>"))
        }
    }

    @Test func `a mail that the server refuses for now is retried`() async throws {
        try await SimulatedOrgs.run { world in
            try await refused(world, "451 4.3.0 later") {
                guard try await mails(world).first?.error != nil else { return false }
                return try await states(world) == ["retry"]
            }
            #expect(try await mails(world).first?.error?.contains("451 4.3.0 later") == true)
            #expect(
                try await world.tenancy.pool.withConnection { try await NotificationStore(on: $0).open() }
                    .isEmpty)
        }
    }

    @Test func `a mail waits while the server wants a login`() async throws {
        try await SimulatedOrgs.run { world in
            try await refused(world, "530 5.7.0 Authentication required") {
                try await states(world) == ["retry"]
            }
            #expect(try await mails(world).first?.error?.contains("530 5.7.0") == true)
        }
    }

    @Test func `a tenant that lost its grant and consented again goes live without an old error`()
        async throws
    {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            try await world.tenancy.pool.execute("update multiconnect.organizations set status = 'live'")
            try await world.fault(#"{"kind":"revoke_refresh_tokens"}"#)
            await #expect(throws: OrganizationsError.self) {
                try await world.sessions.rest(for: organization.id).describe("Account")
            }
            let lost = try await world.find(organization)
            #expect(lost.status == .unauthorized && lost.connectionState == .unauthorized)
            #expect(lost.statusDetail?.contains("no longer accepts the refresh token") == true)
            let again = try await world.consented()
            #expect(again.statusDetail == nil && again.connectionState == .importConfiguration)
            try await world.tenancy.pool.execute("update multiconnect.organizations set status = 'importing'")
            try await running(world, mail: try settings()) { queue in
                _ = try await queue.enqueue(OrganizationJob.announce(organization.id))
                try await eventually("live") { try await world.find(organization).status == .live }
            }
            let live = try await world.find(organization)
            #expect(live.statusDetail == nil && live.connectionState == .idle)
        }
    }

    @Test func `operators are notified at once of a refused login, and mails are retried`() async throws {
        try await SimulatedOrgs.run { world in
            @Sendable func open() async throws -> [OperatorNotification] {
                try await world.tenancy.pool.withConnection { try await NotificationStore(on: $0).open() }
            }
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            let postbox = Postbox(refusingLogin: "535 5.7.8 bad credentials")
            let server = try MailServer(url: "smtp://user:hunter2@127.0.0.1:\(listener.address.port)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await postbox.serve(on: listener) }
                try await running(world, mail: try settings(server)) { queue in
                    let registration = OrganizationRegistration(pool: world.tenancy.pool, queue: queue)
                    _ = try await registration.register(world.tenancy.request())
                    _ = try await registration.register(world.tenancy.request("00D090000083b1P"))
                    try await eventually("both jobs to be tried again") {
                        try await states(world) == ["retry", "retry"]
                    }
                }
                group.cancelAll()
            }
            let told = try await open()
            #expect(told.map(\.eventType) == ["mail_failing"] && told.first?.organization == nil)
            #expect(told.first?.message.contains("535 5.7.8 bad credentials") == true)
            #expect(told.first?.message.contains("hunter2") == false)
        }
    }

    @Test func `a mail beyond the limits waits an hour`() async throws {
        try await SimulatedOrgs.run { world in
            let limited = MailSettings(
                server: nil, sender: nil, developmentRecipient: nil, limits: MailLimits(total: 1))
            try await running(world, mail: limited) { queue in
                let registration = OrganizationRegistration(pool: world.tenancy.pool, queue: queue)
                for (index, id) in ["00D090000083B1p", "00D090000083b1P"].enumerated() {
                    _ = try await registration.register(
                        world.tenancy.request(id, email: "admin\(index)@example.com"))
                }
                try await eventually("one mail, one job that waits") {
                    try await Set(states(world)) == ["done", "scheduled"]
                }
            }
            #expect(try await mails(world).count == 1)
            let waits = try await world.tenancy.pool.query(
                "select count(*) from multiconnect.jobs where run_at > now() + interval '59 minutes'")
            #expect(try waits.scalar(as: Int.self) == 1)
        }
    }

    @Test func `the admin of a registration is mailed even if a stranger registers another meanwhile`()
        async throws
    {
        try await SimulatedOrgs.run { world in
            let quiet = OrganizationRegistration(pool: world.tenancy.pool, queue: world.tenancy.queue)
            _ = try await quiet.register(world.tenancy.request())
            _ = try await quiet.register(
                world.tenancy.request(email: "evil@example.net"), source: "203.0.113.9")
            try await running(world, mail: try settings()) { _ in
                try await eventually("both mails") { try await mails(world).count == 2 }
            }
            #expect(Set(try await mails(world).map(\.recipient)) == ["ann@example.com", "evil@example.net"])
        }
    }

    @Test func `the org receives its connection id, and the tenant is live`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            try await world.tenancy.pool.execute("update multiconnect.organizations set status = 'importing'")
            try await running(world, mail: try settings()) { queue in
                _ = try await queue.enqueue(OrganizationJob.announce(organization.id))
                try await eventually("live") { try await world.find(organization).status == .live }
            }
            let after = try await world.find(organization)
            #expect(after.connectionState == .idle)
            let request = ClientRequest(url: world.origin + "/simulator/orgs/1/announcements")
            let told = try JSONValue(parsing: try await world.http.send(request).body).serialized
            #expect(told.contains(organization.connectionID.uuidString.lowercased()))
            #expect(told.contains("https://app.example/authenticate?org_id="))
        }
    }

    @Test func `a paused tenant stays paused when its connection is announced`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            try await world.tenancy.pool.execute("update multiconnect.organizations set status = 'paused'")
            try await running(world, mail: try settings()) { queue in
                _ = try await queue.enqueue(OrganizationJob.announce(organization.id))
                try await eventually("the job waits") {
                    let waiting = try await world.tenancy.pool.query(
                        "select from multiconnect.jobs where state = 'scheduled' and run_at > now()")
                    return !waiting.isEmpty
                }
            }
            #expect(try await world.find(organization).status == .paused)
        }
    }

    @Test func `an org without the Apex class goes live, and the activity says so`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            try await world.tenancy.pool.execute("update multiconnect.organizations set status = 'importing'")
            try await running(world, mail: try settings(), namespace: "nobody") { queue in
                _ = try await queue.enqueue(OrganizationJob.announce(organization.id))
                try await eventually("live") { try await world.find(organization).status == .live }
            }
            let activity = try await world.tenancy.pool.withConnection {
                try await ActivityStore(on: $0).list(organization: organization.id)
            }
            #expect(activity.contains { $0.action == "announce_unavailable" })
        }
    }

    @Test func `a tenant whose grant is revoked does not go live`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            try await world.tenancy.pool.execute("update multiconnect.organizations set status = 'importing'")
            try await world.fault(#"{"kind":"revoke_refresh_tokens"}"#)
            try await running(world, mail: try settings()) { queue in
                _ = try await queue.enqueue(OrganizationJob.announce(organization.id))
                try await eventually("unauthorized") {
                    try await mails(world).contains { $0.purpose == "unauthorized" }
                }
                #expect(try await world.find(organization).status == .unauthorized)
            }
        }
    }
}

import Cryptography
import Encoding
import Foundation
import HTTPClient
import HTTPWire
import Logging
import Postgres
import Reactor
import Support
import Testing

@testable import Feeds

@Suite(.tags(.store))
struct FeedCourierTests {
    private static let keys = FeedKeys.ring
    private static let organization = UUID()
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    /// One database that is control database and cell.
    private struct Scene: Sendable {
        let pool: PostgresPool
        let book: WebhookBook
        let receiver: EventReceiver

        var cells: [String: PostgresPool] { ["default": pool] }

        func add(
            _ name: String, url: String? = nil, _ groups: Set<FeedFilter.Group> = [.tenant, .row],
            organization: UUID? = nil
        ) async throws -> WebhookBook.Added {
            try await book.add(
                name, url: url ?? receiver.url, FeedFilter(groups: groups, organization: organization),
                keys: FeedCourierTests.keys, allowsPrivate: true, cells: cells, by: "test")
        }

        func change(_ sfid: String, of organization: UUID = FeedCourierTests.organization) async throws {
            let store = RowEventStore(
                organization: organization,
                RowEvent.Place(schema: "salesforce00d", table: "account", object: "Account"))
            _ = try await pool.execute(
                store.insert([RowEvent(.updated, id: 5, sfid: sfid, columns: ["name"])]))
        }

        func install(_ org: String) async throws {
            _ = try await pool.execute(
                """
                insert into multiconnect.organizations (org_id, name, admin_email, schema_name)
                values (\(org), 'Acme', 'admin@acme.example', \("salesforce" + org.lowercased()))
                """)
        }
    }

    private func running(
        couriers: Int = 1, addresses: AddressRule = .any,
        _ body: @escaping @Sendable (Scene) async throws -> Void
    ) async throws {
        try await withFeedDatabase { database in
            let pool = database.pool(maximum: 6)
            defer { pool.close() }
            let scene = Scene(pool: pool, book: WebhookBook(control: pool), receiver: try EventReceiver())
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await scene.receiver.serve() }
                for _ in 0..<couriers {
                    let courier = FeedCourier(
                        control: pool, cells: scene.cells, http: HTTPClient(), keys: Self.keys,
                        addresses: addresses, logger: logger)
                    group.addTask { await courier.run() }
                }
                try await body(scene)
                group.cancelAll()
            }
        }
    }

    @Test func `changes of tenants and of rows arrive signed, each once`() async throws {
        try await running(couriers: 2) { scene in
            let added = try await scene.add("app")
            let secret = try #require(added.secret)
            try await scene.install("00D000000000001AAA")
            try await scene.pool.transaction { connection in
                for status in ["authorized", "provisioning", "live"] {
                    _ = try await connection.execute(
                        "update multiconnect.organizations set status = \(status), authorized_at = now()")
                }
            }
            try await scene.change("001000000000001AAA")
            try await eventually("the events arrive") { scene.receiver.kinds.count >= 4 }
            #expect(
                scene.receiver.kinds.sorted()
                    == ["row.updated", "tenant.consented", "tenant.installed", "tenant.live"])
            for each in scene.receiver.received {
                let key = try #require(Base64.decode(String(secret.dropFirst(6))))
                let code = HMAC.sha256(key: key, message: Array("\(each.id).\(each.time).\(each.body)".utf8))
                #expect(each.signature == "v1," + Base64.encode(code))
            }
            let ids = scene.receiver.received.map(\.id)
            #expect(Set(ids).count == ids.count)
            try await eventually("the deliveries are recorded") {
                try await scene.book.deliveries("app", .delivered).count == ids.count
            }
        }
    }

    @Test func `a webhook whose secret no key opens is a notification, until it is removed`() async throws {
        try await running { scene in
            let lost = KeyRing(current: try SecretKey.generate())
            _ = try await scene.book.add(
                "dark", url: scene.receiver.url, FeedFilter(groups: [.tenant]), keys: lost,
                allowsPrivate: true, cells: scene.cells, by: "test")
            func open() async throws -> [String] {
                try await scene.pool.query(
                    """
                    select message from multiconnect.notifications
                    where event_type = 'event_webhook_unreadable' and acknowledged_at is null
                    """
                ).column()
            }
            try await eventually("the notification") { try await !open().isEmpty }
            let messages = try await open()
            #expect(messages.count == 1)
            #expect(messages[0].hasPrefix("dark: ") && messages[0].contains(lost.current.id.text))
            try await scene.book.remove("dark", cells: scene.cells, by: "test")
            #expect(try await open().isEmpty)
        }
    }

    @Test func `a receiver that fails gets its events later, in the same request`() async throws {
        try await running { scene in
            _ = try await scene.add("app")
            scene.receiver.answer(.internalServerError)
            try await scene.change("001000000000001AAA")
            try await eventually("the first attempt") { scene.receiver.received.count == 1 }
            try await eventually("the failure is recorded") {
                try await scene.book.deliveries("app", .waiting).first?.status == 500
            }
            #expect(try await scene.book.retry("app", by: "test") == 1)
            try await eventually("the second attempt") { scene.receiver.received.count == 2 }
            let received = scene.receiver.received
            #expect(received[0].id == received[1].id)
            #expect(received[0].body == received[1].body)
        }
    }

    @Test func `a refused delivery is dead, does not delay others, and is sent again by hand`() async throws {
        try await running { scene in
            _ = try await scene.add("app")
            scene.receiver.answer(Status.gone)
            try await scene.change("001000000000001AAA")
            try await eventually("the delivery is dead") {
                try await scene.book.deliveries("app", .dead).count == 1
            }
            try await scene.change("001000000000002AAA")
            try await eventually("the next delivery arrives") {
                try await scene.book.deliveries("app", .delivered).count == 1
            }
            #expect(try await scene.book.retry("app", by: "test") == 1)
            try await eventually("it arrives") {
                try await scene.book.deliveries("app", .delivered).count == 2
            }
            let notices = try await scene.pool.query(
                "select message from multiconnect.notifications where event_type = 'event_webhook_failing'")
            #expect(notices.count == 1)
        }
    }

    @Test func `a receiver without an answer does not delay the others`() async throws {
        try await running { scene in
            let silent = try Listener.tcp(host: "127.0.0.1", port: 0)
            _ = try await scene.add("silent", url: "http://127.0.0.1:\(silent.address.port)/")
            _ = try await scene.add("app")
            let start = ContinuousClock.now
            try await scene.change("001000000000001AAA")
            try await eventually("the event arrives") { scene.receiver.received.count == 1 }
            #expect(.now - start < .seconds(8))
        }
    }

    @Test func `a webhook of one tenant gets that tenant's events only`() async throws {
        try await running { scene in
            _ = try await scene.add("one", organization: Self.organization)
            try await scene.change("001000000000001AAA", of: UUID())
            try await scene.change("001000000000002AAA")
            try await eventually("the event arrives") { !scene.receiver.received.isEmpty }
            #expect(scene.receiver.kinds == ["row.updated"])
            #expect(scene.receiver.received[0].body.contains("001000000000002AAA"))
        }
    }

    @Test func `a private address is refused when it is connected`() async throws {
        try await running(addresses: .publicOnly) { scene in
            _ = try await scene.add("app")
            let port = try #require(scene.receiver.url.split(separator: ":").last)
            _ = try await scene.add("name", url: "http://localhost:\(port)")
            try await scene.change("001000000000001AAA")
            try await eventually("both attempts fail") {
                try await scene.book.deliveries(nil, .waiting).count(where: { $0.attempts > 0 }) == 2
            }
            let errors = try await scene.book.deliveries().map(\.error)
            #expect(
                errors == ["the URL's host has a private address", "the URL's host has a private address"])
            #expect(scene.receiver.received.isEmpty)
        }
    }

    @Test func `an event of an open transaction is not skipped`() async throws {
        try await running { scene in
            _ = try await scene.add("app")
            try await scene.pool.transaction { connection in
                let store = RowEventStore(
                    organization: Self.organization,
                    RowEvent.Place(schema: "s", table: "account", object: "Account"))
                try await connection.execute(
                    store.insert([RowEvent(.created, id: 1, sfid: "001000000000001AAA")]))
                // A later transaction commits first.
                try await scene.change("001000000000002AAA")
                try await EventLoop.current.sleep(for: .seconds(2))
                #expect(scene.receiver.received.isEmpty)
            }
            try await eventually("both arrive") { scene.receiver.kinds.count == 2 }
            #expect(scene.receiver.kinds == ["row.created", "row.updated"])
        }
    }
}

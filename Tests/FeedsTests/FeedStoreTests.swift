import Cryptography
import Foundation
import Organizations
import Postgres
import Support
import Testing

@testable import Feeds

@Suite(.tags(.store))
struct FeedStoreTests {
    private static let keys = FeedKeys.ring

    private func event(_ pool: PostgresPool, _ organization: UUID = UUID()) async throws {
        let store = RowEventStore(
            organization: organization, RowEvent.Place(schema: "s", table: "account", object: "Account"))
        _ = try await pool.execute(
            store.insert([RowEvent(.updated, id: 1, sfid: "001000000000001AAA")]))
    }

    @Test func `cells record what webhooks want, and nothing without webhooks`() async throws {
        try await withFeedDatabase { database in
            let pool = database.pool()
            defer { pool.close() }
            let (one, other) = (UUID(), UUID())
            func isWanted(_ group: FeedFilter.Group, _ organization: UUID) async throws -> Bool {
                try await pool.query("select \(RowEventStore.isWanted(group, of: organization))").scalar()
            }
            let book = WebhookBook(control: pool)
            #expect(try await !isWanted(.row, one))
            _ = try await book.add(
                "one", url: nil, FeedFilter(groups: [.row], organization: one), keys: Self.keys,
                allowsPrivate: false, cells: ["default": pool], by: "test")
            #expect(try await isWanted(.row, one))
            #expect(try await !isWanted(.row, other))
            #expect(try await !isWanted(.event, one))
            _ = try await book.add(
                "all", url: nil, FeedFilter(groups: [.row, .event]), keys: Self.keys, allowsPrivate: false,
                cells: ["default": pool], by: "test")
            #expect(try await isWanted(.row, other))
            try await book.remove("all", cells: ["default": pool], by: "test")
            try await book.remove("one", cells: ["default": pool], by: "test")
            #expect(try await !isWanted(.row, one))
            await #expect(throws: FeedsError.self) {
                try await book.remove("one", cells: ["default": pool], by: "test")
            }
        }
    }

    @Test func `a name is used once, a private URL is refused, and a token opens only its own receiver`()
        async throws
    {
        try await withFeedDatabase { database in
            let pool = database.pool()
            defer { pool.close() }
            let book = WebhookBook(control: pool)
            func add(_ name: String, _ url: String?) async throws -> WebhookBook.Added {
                try await book.add(
                    name, url: url, FeedFilter(groups: [.tenant]), keys: Self.keys, allowsPrivate: false,
                    cells: ["default": pool], by: "test")
            }
            let added = try await add("a", "https://app.example/hook?token=not-stored")
            await #expect(throws: FeedsError.self) { try await add("a", nil) }
            await #expect(throws: FeedsError.self) { try await add("b", "http://app.example/") }
            await #expect(throws: FeedsError.self) { try await add("B C", nil) }
            #expect(try await book.receiver(token: added.token)?.name == "a")
            #expect(try await book.receiver(token: added.token + "x") == nil)
            #expect(try await book.receiver(token: "") == nil)
            // Neither the URL, nor the secret, nor the token is stored as it is.
            let row: String = try await pool.query(
                "select w::text || encode(target, 'escape') from multiconnect.webhooks w"
            ).scalar()
            #expect(!row.contains("not-stored"))
            #expect(!row.contains(added.token))
        }
    }

    @Test func `events are pruned by age, and a receiver that has not read them learns of it`() async throws {
        try await withFeedDatabase { database in
            let pool = database.pool()
            defer { pool.close() }
            let reader = FeedReader(control: pool, cells: ["default": pool])
            let filter = FeedFilter(groups: [.row])
            let early = try await reader.end()
            try await event(pool)
            _ = try await pool.execute(
                "update multiconnect_sync.feed_events set created_at = now() - interval '4 days'")
            try await event(pool)
            let read = await reader.read(after: early, filter, limit: 10)
            #expect(read.events.count == 2)
            try await FeedUpkeep(control: pool, cells: ["default": pool]).run()
            let late = await reader.read(after: early, filter, limit: 10)
            #expect(late.events.count == 1)
            #expect(late.gaps == ["cell-default"])
            let caughtUp = await reader.read(after: read.cursor, filter, limit: 10)
            #expect(caughtUp.events.isEmpty)
            #expect(caughtUp.gaps.isEmpty)
        }
    }

    @Test func `targets are resealed after a change of the secret`() async throws {
        try await withFeedDatabase { database in
            let pool = database.pool()
            defer { pool.close() }
            _ = try await WebhookBook(control: pool).add(
                "a", url: "https://app.example", FeedFilter(groups: [.tenant]), keys: Self.keys,
                allowsPrivate: false, cells: [:], by: "test")
            let new = try SecretKey(bytes: [UInt8](32..<64))
            let both = KeyRing(current: new, previous: [Self.keys.current])
            await #expect(throws: OrganizationsError.self) {
                try await pool.withConnection {
                    try await KeyCheck.verify(KeyRing(current: new), columns: [.webhooks], on: $0)
                }
            }
            let reseal = CredentialReseal(pool: pool, keys: both, columns: [.webhooks])
            #expect(try await reseal.run().map(\.resealed) == [1])
            #expect(try await reseal.run().map(\.resealed) == [0])
            try await pool.withConnection {
                try await KeyCheck.verify(KeyRing(current: new), columns: [.webhooks], on: $0)
            }
            let row = try #require(
                try await pool.query("select id, target from multiconnect.webhooks").first)
            let opened = try KeyRing(current: new).open(
                try row["target", as: [UInt8].self], context: FeedTarget.context(try row["id"]))
            #expect(try FeedTarget(plain: opened).url.revealText() == "https://app.example")
        }
    }

    @Test func `a page is cut at its limit, and continues where it ended`() async throws {
        try await withFeedDatabase { database in
            let pool = database.pool()
            defer { pool.close() }
            let reader = FeedReader(control: pool, cells: ["default": pool])
            var cursor = try await reader.end()
            for _ in 0..<5 { try await event(pool) }
            var found: [FeedPosition] = []
            for expected in [2, 2, 1, 0] {
                let batch = await reader.read(after: cursor, FeedFilter(groups: [.row]), limit: 2)
                #expect(batch.events.count == expected)
                found += batch.events.map(\.position)
                cursor = batch.cursor
            }
            #expect(found == found.sorted())
            #expect(Set(found).count == 5)
        }
    }
}

import Cryptography
import Foundation
import HTTPClient
import Postgres
import Support
import Testing

/// Webhooks and their failed deliveries on the dashboard.
@Suite(.tags(.store))
struct WebhooksPageTests {
    private let path = "/dashboard/webhooks"

    /// Two webhooks: one with a dead and a repeated delivery, one without any.
    private func addWebhooks(_ browser: OperatorBrowser) async throws {
        try await browser.rig.pool.withConnection { connection in
            try await connection.script(
                """
                insert into multiconnect.webhooks (name, host, token_hash, groups, cursor) values
                  ('app', 'hooks.acme.example', decode(repeat('01', 32), 'hex'), '{row,tenant}', ''),
                  ('quiet', null, decode(repeat('02', 32), 'hex'), '{event}', '');
                insert into multiconnect.webhook_deliveries
                  (webhook_id, body, events, state, attempts, next_attempt_at, error, ended_at)
                select id, '{}', 3, 'dead', 20, now(), '<b>500</b>', now() from multiconnect.webhooks
                where name = 'app'
                union all
                select id, '{}', 2, 'waiting', 4, now() + interval '1 hour', 'no answer', null
                from multiconnect.webhooks where name = 'app'
                union all
                select id, '{}', 1, 'waiting', 0, now(), null, null from multiconnect.webhooks
                where name = 'app'
                """)
        }
    }

    @Test func `the page shows receivers, and the deliveries that failed`() async throws {
        try await withOperator { browser in
            let empty = try await browser.get(path)
            #expect(empty.status == 200 && empty.text.contains("multiconnect webhooks add"))
            try await addWebhooks(browser)
            let page = try await browser.get(path)
            #expect(page.status == 200)
            #expect(page.text.contains("hooks.acme.example") && page.text.contains("stream only"))
            #expect(page.text.contains("row, tenant"))
            #expect(page.text.contains("&lt;b&gt;500") && !page.text.contains("<b>500"))
            // The first attempt of a delivery is no failure.
            #expect(page.text.ranges(of: "data-label=\"Delivery\"").count == 2)
            #expect(page.text.ranges(of: "Send all again").count == 1)
            #expect(page.text.ranges(of: "Send again").count == 2)
        }
    }

    @Test func `deliveries are sent again, one or all, and the activity has who did it`() async throws {
        try await withOperator { browser in
            try await addWebhooks(browser)
            let dead: String = try await browser.rig.pool.query(
                "select id::text from multiconnect.webhook_deliveries where state = 'dead'"
            ).scalar()
            let one = try await browser.post(path, ["webhook": "app", "delivery": dead])
            #expect(one.status == 303)
            let states: SQL = """
                select state || ' ' || (next_attempt_at <= now())::text from multiconnect.webhook_deliveries
                order by serial
                """
            #expect(
                try await browser.texts(states) == ["waiting true", "waiting false", "waiting true"])
            let all = try await browser.post(path, ["webhook": "app"])
            #expect(all.status == 303)
            #expect(try await browser.texts(states) == ["waiting true", "waiting true", "waiting true"])
            let actors = try await browser.texts(
                "select distinct actor from multiconnect.activity where action like 'webhook%'")
            #expect(actors == ["ann (web)"])
        }
    }

    @Test func `bad forms are refused, and a viewer sends nothing again`() async throws {
        try await withOperator({ $0.viewers = ("eve", .init(text: "a viewer's password")) }) { browser in
            try await addWebhooks(browser)
            #expect(try await browser.post(path, ["webhook": "none"]).status == 404)
            #expect(try await browser.post(path, ["webhook": "app", "delivery": "1'"]).status == 400)
            let (cookie, _) = try await browser.form()
            let forged = try await browser.post(
                path, ["webhook": "app"], [("Cookie", cookie), ("Origin", "https://evil.example")])
            #expect(forged.status == 403)
            let viewer = Data("eve:a viewer's password".utf8).base64EncodedString()
            let page = try await browser.rig.get(path, [("Authorization", "Basic \(viewer)")])
            #expect(page.status == 200 && page.text.contains("hooks.acme.example"))
            let dead: Int = try await browser.rig.pool.query(
                "select count(*) from multiconnect.webhook_deliveries where state = 'dead'"
            ).scalar()
            #expect(dead == 1)
        }
    }
}

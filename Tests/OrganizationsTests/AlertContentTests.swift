import Cryptography
import Encoding
import Foundation
import Testing

@testable import Activity
@testable import Organizations

struct AlertContentTests {
    private let app = AppIdentity(name: "Sync", url: "https://app.example")

    private func notification(
        _ id: Int64 = 1, kind: String = "mapping_failed", message: String = "Account: no access",
        name: String? = "Acme", closed: Bool = false
    ) -> OperatorNotification {
        OperatorNotification(
            id: id, organization: name.map { _ in UUID() },
            organizationID: name.map { _ in "00D090000083B1pEAE" },
            organizationName: name, eventType: kind, message: message,
            createdAt: Date(timeIntervalSince1970: 1_767_225_600),
            acknowledgedAt: closed ? Date(timeIntervalSince1970: 1_767_229_200) : nil)
    }

    @Test func `a mail groups notifications by kind and counts those that it does not list`() {
        let mail = AlertContent.mail(
            [
                .init(notification: notification(1), total: 1_200),
                .init(notification: notification(2, closed: true), total: 1_200),
                .init(
                    notification: notification(3, kind: "mail_failing", message: "no server", name: nil),
                    total: 1),
            ], app: app)
        #expect(mail.subject == "[Sync] 1201 notifications: mapping_failed (1200), mail_failing")
        #expect(
            mail.text == """
                mapping_failed: 1200
                  2026-01-01T00:00:00Z 00D090000083B1pEAE Acme: Account: no access
                  2026-01-01T00:00:00Z 00D090000083B1pEAE Acme: Account: no access (closed since)
                  and 1198 more

                mail_failing: 1
                  2026-01-01T00:00:00Z no server

                `multiconnect organizations notifications` lists all open notifications. Dashboard: \
                https://app.example/dashboard

                """)
        #expect(mail.html.contains("<li>and 1198 more</li>"))
    }

    @Test func `text from orgs cannot add lines, markup or megabytes to a mail`() {
        let long = String(repeating: "x", count: 1 << 20)
        let hostile = notification(
            message: "a\r\nBcc: x@example.com\u{0} <script>alert(1)</script> \(long)", name: "<b>A</b>\nB")
        let mail = AlertContent.mail([.init(notification: hostile, total: 1)], app: app)
        #expect(!mail.text.contains("\nBcc:") && !mail.text.contains("\u{0}") && mail.text.count < 1_200)
        #expect(!mail.html.contains("<script>") && !mail.html.contains("<b>A"))
        #expect(!mail.subject.contains("\n"))
    }

    @Test func `a request to the webhook is JSON, and its signature is HMAC-SHA256 of time and body`() throws
    {
        let alert = WebhookAlert(
            notification: notification(7, message: "line\n\"quoted\"", closed: true), closedBy: "ann",
            isOpeningUnsent: true, isClosingUnsent: true)
        let opened = WebhookRequest(.opened, of: alert, app: app)
        let body = try JSONValue(parsing: opened.body)
        #expect(body["type"]?.string == "notification.opened" && body["source"]?.string == app.url)
        #expect(body["id"]?.string == "notification-7-opened")
        guard let told = body["notification"] else {
            Issue.record("no notification")
            return
        }
        #expect(told["id"]?.int == 7 && told["kind"]?.string == "mapping_failed")
        #expect(told["message"]?.string == "line\n\"quoted\"")
        #expect(told["organization"]?["org_id"]?.string == "00D090000083B1pEAE")
        #expect(told["opened_at"]?.string == "2026-01-01T00:00:00Z")
        #expect(told["closed_at"] == .null && told["closed_by"] == .null)
        let closed = try JSONValue(parsing: WebhookRequest(.closed, of: alert, app: app).body)
        #expect(closed["notification"]?["closed_at"]?.string == "2026-01-01T01:00:00Z")
        #expect(closed["notification"]?["closed_by"]?.string == "ann")

        let secret = Secret(text: "0123456789abcdef")
        let signature = opened.signature(secret: secret, at: Date(timeIntervalSince1970: 1_767_225_600.9))
        let code = HMAC.sha256(key: secret, message: Array("1767225600.".utf8) + opened.body)
        #expect(signature == "t=1767225600,v1=" + Hex.encode(code))
    }

    @Test(arguments: [
        (200, WebhookRequest.Verdict.delivered), (204, .delivered), (301, .refused), (400, .refused),
        (401, .refused), (404, .refused), (410, .refused), (408, .retried), (425, .retried), (429, .retried),
        (500, .retried), (503, .retried),
    ])
    func `a 4xx answer ends an event, and a server's error does not`(
        status: Int, verdict: WebhookRequest.Verdict
    ) {
        #expect(WebhookRequest.verdict(status: status) == verdict)
    }
}

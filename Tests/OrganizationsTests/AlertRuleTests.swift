import Activity
import Cryptography
import Foundation
import Testing

@testable import Organizations

struct AlertRuleTests {
    private let now = Date(timeIntervalSince1970: 1_700_000_000)

    private func kind(_ name: String, waiting: TimeInterval?, mailed: TimeInterval? = nil) -> AlertStore.Kind
    {
        AlertStore.Kind(
            name: name, waitingSince: waiting.map { now.addingTimeInterval(-$0) },
            lastMail: mailed.map { now.addingTimeInterval(-$0) })
    }

    @Test func `nothing that waits is no mail`() {
        #expect(AlertRule.due([], now: now) == [])
        #expect(AlertRule.due([kind("a", waiting: nil, mailed: 3_600)], now: now) == [])
    }

    @Test func `the first notification waits a minute for others, which go into its mail`() {
        #expect(AlertRule.due([kind("a", waiting: 59)], now: now) == [])
        #expect(AlertRule.due([kind("a", waiting: 60), kind("b", waiting: 1)], now: now) == ["a", "b"])
    }

    @Test func `no mail follows another within five minutes`() {
        let recent = kind("a", waiting: nil, mailed: 299)
        #expect(AlertRule.due([recent, kind("b", waiting: 200)], now: now) == [])
        let older = kind("a", waiting: nil, mailed: 300)
        #expect(AlertRule.due([older, kind("b", waiting: 200)], now: now) == ["b"])
    }

    @Test func `a kind waits half an hour for its next mail, and hides no other kind`() {
        let storm = kind("a", waiting: 1_700, mailed: 1_799)
        #expect(AlertRule.due([storm], now: now) == [])
        #expect(AlertRule.due([storm, kind("b", waiting: 60)], now: now) == ["b"])
        #expect(AlertRule.due([kind("a", waiting: 1_700, mailed: 1_800)], now: now) == ["a"])
    }

    @Test(arguments: [
        ("https://hooks.example/x?token=s3cret", true), ("http://127.0.0.1:8000/hook", true),
        ("http://localhost/", true), ("http://[::1]:80/", true), ("http://hooks.example/", false),
        ("https://user:pw@hooks.example/", false), ("ftp://hooks.example/", false), ("hooks.example", false),
        ("https://hooks.example/a b", false), ("http://127.0.0.1.example/", false), ("https:///x", false),
    ])
    func `a webhook is an https URL, or http on this machine`(url: String, isValid: Bool) {
        let target = WebhookTarget(url: url, secret: Secret(text: "0123456789abcdef"))
        #expect((target != nil) == isValid)
        if let target { #expect(!"\(target)".contains("s3cret") && !"\(target)".contains("0123")) }
    }
}

internal import Activity
internal import Cryptography
internal import Encoding
internal import FoundationEssentials
internal import HTTPClient

/// A request that sends one event of a notification to the webhook. A repeated request has the same id.
struct WebhookRequest: Equatable {
    /// An event of a notification.
    enum Event: String {
        case opened
        case closed
    }

    /// The header with the signature: `t=1735689600,v1=<64 hexadecimal digits>`. The digits are the
    /// HMAC-SHA256 of the time, a dot and the body.
    static let signatureHeader = "Multiconnect-Signature"

    let event: Event
    let id: String
    let body: [UInt8]

    init(_ event: Event, of alert: WebhookAlert, app: AppIdentity) {
        let notification = alert.notification
        self.event = event
        id = "notification-\(notification.id)-\(event.rawValue)"
        let organization = notification.organization.map { organization in
            JSONText.object([
                ("id", .string(organization.uuidString.lowercased())),
                ("org_id", .optional(notification.organizationID)),
                ("name", .optional(notification.organizationName)),
            ])
        }
        let isClosed = event == .closed
        let closedAt = isClosed ? notification.acknowledgedAt.map(AlertContent.time) : nil
        let told = JSONText.object([
            ("id", .number(Int(notification.id))), ("kind", .string(notification.eventType)),
            ("message", .string(notification.message)), ("organization", organization ?? .null),
            ("opened_at", .string(AlertContent.time(notification.createdAt))),
            ("closed_at", .optional(closedAt)), ("closed_by", .optional(isClosed ? alert.closedBy : nil)),
        ])
        body =
            JSONText.object([
                ("id", .string(id)), ("type", .string("notification.\(event.rawValue)")),
                ("source", .string(app.url)), ("notification", told),
            ]).encoded
    }

    func signature(secret: Secret, at time: Date) -> String {
        let seconds = String(Int(time.timeIntervalSince1970.rounded(.down)))
        let code = HMAC.sha256(key: secret, message: Array("\(seconds).".utf8) + body)
        return "t=\(seconds),v1=\(Hex.encode(code))"
    }

    func request(to target: WebhookTarget, at time: Date) -> ClientRequest {
        ClientRequest(
            method: "POST", url: target.url.revealText() ?? "",
            headers: [
                ("Content-Type", "application/json"), ("Multiconnect-Event-Id", id),
                (Self.signatureHeader, signature(secret: target.secret, at: time)),
            ], body: body, deadline: .now + OrganizationsLimits.webhookDeadline)
    }

    /// The meaning of an answer.
    enum Verdict: Equatable {
        case delivered
        case retried
        /// The same request would be refused again.
        case refused
    }

    /// A redirect counts as a refusal, because it is not followed: the body would go to another host.
    static func verdict(status: Int) -> Verdict {
        switch status {
        case 200..<300: .delivered
        case 408, 425, 429, 500...: .retried
        default: .refused
        }
    }
}

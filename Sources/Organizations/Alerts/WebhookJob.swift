internal import Activity
internal import FoundationEssentials
internal import HTTPClient
internal import Jobs
internal import Logging
internal import Postgres

/// The handler of `SendWebhook`: sends the events of one notification, in their order.
///
/// A crash between the answer and the mark sends an event twice, with the same id.
struct WebhookJob: Sendable {
    let pool: PostgresPool
    let http: HTTPClient
    let app: AppIdentity
    let target: WebhookTarget?

    /// Failures in a row after which operators are notified: some minutes.
    private static let tolerated = 4

    func run(_ context: JobContext) async throws -> JobOutcome {
        let id = try context.argument(0, as: Int64.self)
        let found = try await pool.withConnection { try await AlertStore(on: $0).webhookAlert(id) }
        guard let alert = found else { return .done }
        // The webhook cannot report that it fails itself. Its mails do.
        guard let target, alert.notification.eventType != NotificationEvent.webhookFailing else {
            try await pool.withConnection { try await AlertStore(on: $0).skipWebhook(id) }
            return .done
        }
        if alert.isOpeningUnsent { try await send(.opened, of: alert, to: target, context) }
        if alert.isClosingUnsent { try await send(.closed, of: alert, to: target, context) }
        return .done
    }

    private func send(
        _ event: WebhookRequest.Event, of alert: WebhookAlert, to target: WebhookTarget,
        _ context: JobContext
    ) async throws {
        try context.checkClaim()
        let request = WebhookRequest(event, of: alert, app: app).request(to: target, at: Date())
        let verdict: WebhookRequest.Verdict
        let reason: String
        do {
            // The body of the answer is not read.
            let status = try await http.stream(request) { $0.status }
            verdict = WebhookRequest.verdict(status: status)
            reason = "status \(status)"
        } catch let error as HTTPClientError {
            verdict = .retried
            reason = "\(error)"
        }
        let isLast = context.failures + 1 >= context.maximumAttempts
        try await pool.transaction { connection in
            let notifications = NotificationStore(on: connection)
            if verdict != .retried || isLast {
                try await AlertStore(on: connection).markSent(
                    alert.notification.id, isClosing: event == .closed)
            }
            switch verdict {
            case .delivered:
                try await notifications.resolve([NotificationEvent.webhookFailing], organization: nil)
            case .retried where context.failures + 1 < Self.tolerated: break
            case .retried, .refused:
                try await notifications.addOnce(
                    NotificationEvent.webhookFailing, organization: nil,
                    message: "Notifications cannot be sent to the webhook: \(reason). "
                        + "Check NOTIFY_WEBHOOK_URL and NOTIFY_WEBHOOK_SECRET.")
            }
        }
        switch verdict {
        case .delivered: return
        case .retried: throw OrganizationsError(.webhookFailed, "the webhook failed: \(reason)")
        case .refused: throw OrganizationsError(.webhookRefused, "the webhook refused the event: \(reason)")
        }
    }
}

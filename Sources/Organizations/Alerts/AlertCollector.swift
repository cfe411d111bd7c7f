internal import Activity
internal import Jobs
internal import Postgres

/// The handler of `CollectAlerts`: turns notifications into mails and requests to the webhook. Mails, marks
/// and jobs commit together.
struct AlertCollector: Sendable {
    let pool: PostgresPool
    let app: AppIdentity
    let settings: AlertSettings

    func run(_ context: JobContext) async throws -> JobOutcome {
        try await pool.transaction { connection in
            let store = AlertStore(on: connection)
            try await store.lock()
            try await mail(store, context, connection)
            try await callWebhook(store, context, connection)
            try await context.complete(on: connection)
        }
        return .completed
    }

    private func mail(
        _ store: AlertStore, _ context: JobContext, _ connection: PostgresConnection
    ) async throws {
        guard !settings.recipients.isEmpty else { return try await store.skipMails() }
        let (kinds, now) = try await store.kinds(mailedWithin: OrganizationsLimits.alertMemory)
        let due = AlertRule.due(kinds, now: now)
        guard !due.isEmpty else { return }
        let listed = try await store.takeForMail(due, listing: OrganizationsLimits.alertsPerKind)
        let content = AlertContent.mail(listed, app: app)
        for recipient in settings.recipients {
            let job = try await context.enqueue(AlertJobs.mail, on: connection)
            try await AlertMailStore(on: connection).write(content, to: recipient, job: job.text)
        }
    }

    private func callWebhook(
        _ store: AlertStore, _ context: JobContext, _ connection: PostgresConnection
    ) async throws {
        guard settings.webhook != nil else { return try await store.skipWebhook() }
        for id in try await store.waitingForWebhook(limit: OrganizationsLimits.webhookBatch) {
            _ = try await context.enqueue(AlertJobs.webhook(id), on: connection)
        }
    }
}

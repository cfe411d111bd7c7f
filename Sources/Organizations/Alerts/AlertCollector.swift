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
            try await mailAdmins(store, context, connection)
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

    private func mailAdmins(
        _ store: AlertStore, _ context: JobContext, _ connection: PostgresConnection
    ) async throws {
        let kinds = settings.mailsAdmins ? AdminAlert.words.keys.sorted() : []
        try await store.skipAdmins(without: kinds)
        guard !kinds.isEmpty else { return }
        let taken = try await store.takeForAdmins(
            kinds, collection: OrganizationsLimits.alertCollection,
            pause: OrganizationsLimits.adminAlertPause,
            tenants: OrganizationsLimits.adminAlertTenants, listing: OrganizationsLimits.alertsPerKind)
        guard !taken.isEmpty else { return }
        let tenants = try await OrganizationStore(on: connection).find(ids: Set(taken.keys))
        for (id, notifications) in taken {
            guard let tenant = tenants[id], tenant.status != .uninstalled else { continue }
            let content = AdminAlert.mail(notifications, organization: tenant.name, app: app)
            let job = try await context.enqueue(AlertJobs.adminMail(id), on: connection)
            try await AlertMailStore(on: connection).write(
                content, to: tenant.adminEmail, job: job.text, organization: id)
            try await ActivityStore(on: connection).add(
                "admin_alerted", by: "multiconnect", organization: id,
                detail: Set(notifications.map(\.eventType)).sorted().joined(separator: ", "))
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

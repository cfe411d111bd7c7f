internal import FoundationEssentials
package import HTTPClient
package import Jobs
package import Postgres

/// The jobs that send notifications to operators, on one loop.
package struct AlertJobs: Sendable {
    /// The class of the periodic job that finds new notifications.
    package static let collect = "CollectAlerts"
    static let sendMail = "SendAlertMail"
    static let sendWebhook = "SendWebhook"

    /// Its mail is stored with the job's id.
    static let mail = NewJob(sendMail)

    /// The job that mails a tenant's admin.
    static func adminMail(_ organization: UUID) -> NewJob { NewJob(sendMail, organizationID: organization) }

    /// One open job for each notification, so that its events stay in order.
    static func webhook(_ notification: Int64) -> NewJob {
        NewJob(
            sendWebhook, arguments: [notification], queue: "alerts", uniqueKey: "webhook:\(notification)")
    }

    private let collector: AlertCollector
    private let mailJob: AlertMailJob
    private let webhookJob: WebhookJob

    package init(
        pool: PostgresPool, http: HTTPClient, app: AppIdentity, mail: MailSettings, alerts: AlertSettings
    ) {
        collector = AlertCollector(pool: pool, app: app, settings: alerts)
        mailJob = AlertMailJob(pool: pool, http: http, settings: mail)
        webhookJob = WebhookJob(pool: pool, http: http, app: app, target: alerts.webhook)
    }

    /// Adds the three classes.
    package func register(in registry: inout JobRegistry) {
        registry.register(Self.collect, timeout: .seconds(60), maximumAttempts: 5) { [collector] context in
            try await collector.run(context)
        }
        registry.register(
            Self.sendMail, timeout: .seconds(120), maximumAttempts: OrganizationsLimits.alertAttempts
        ) { [mailJob] context in
            try await mailJob.run(context)
        }
        // A webhook that does not answer must not hold all slots of a worker.
        registry.register(
            Self.sendWebhook, timeout: .seconds(60), maximumAttempts: OrganizationsLimits.alertAttempts,
            concurrency: OrganizationsLimits.webhooksAtOnce
        ) { [webhookJob] context in
            try await webhookJob.run(context)
        }
    }
}

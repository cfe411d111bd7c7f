package import HTTPClient
package import Jobs
package import Postgres

/// The handlers of this target's jobs, on one loop.
package struct OrganizationJobs: Sendable {
    private let mail: MailJob
    private let announce: AnnounceJob

    /// - Parameter namespace: `FORCE_NAMESPACE`, the package's namespace; nil for a package without one.
    package init(
        pool: PostgresPool, http: HTTPClient, sessions: OrgSessions, app: AppIdentity, mail: MailSettings,
        namespace: String?
    ) {
        self.mail = MailJob(pool: pool, http: http, app: app, settings: mail)
        announce = AnnounceJob(pool: pool, sessions: sessions, app: app, namespace: namespace)
    }

    /// Adds `SendConsentMail` and `AnnounceConnection`.
    package func register(in registry: inout JobRegistry) {
        registry.register(OrganizationJob.sendConsentMail, timeout: .seconds(120)) { [mail] context in
            try await mail.run(context)
        }
        registry.register(OrganizationJob.announceConnection, timeout: .seconds(180)) { [announce] context in
            try await announce.run(context)
        }
    }
}

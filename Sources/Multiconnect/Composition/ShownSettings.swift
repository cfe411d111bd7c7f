import Cryptography
import Dashboard
import FoundationEssentials
import Organizations
import Postgres
import Reactor
import Redis

extension Launch {
    /// The facts for the dashboard's page of the system.
    func systemFacts(_ redis: RedisClient) -> SystemFacts {
        SystemFacts(version: Version.current, startedAt: startTime, settings: shownSettings) {
            do {
                let deadline = ContinuousClock.now + .seconds(2)
                let policy = try await withDeadline(deadline, operation: "CONFIG GET") {
                    try await redis.evictionPolicy()
                }
                return .answers(policy.map { "maxmemory-policy \($0)" } ?? "")
            } catch {
                return .failure("\(error)")
            }
        }
    }

    /// The settings in force. Values that are secret or have a password are not shown.
    private var shownSettings: [(name: String, value: String)] {
        let secret = "<redacted>"
        func shown(_ isSet: Bool) -> String { isSet ? secret : "not set" }
        let databases = configuration.cellNames.map { name in
            (
                name == Configuration.Defaults.cell ? "DATABASE_URL" : "DATABASE_URL of cell \(name)",
                (try? database(named: name).description) ?? "invalid"
            )
        }
        return databases + [
            ("REDIS_URL", (try? self.redis().description) ?? "invalid"),
            ("NEW_ORGANIZATIONS_CELL", configuration.newOrganizationsCell),
            ("APP_NAME", configuration.applicationName), ("APP_URL", configuration.applicationURL),
            ("SECRET", secret), ("CALLBACK_SECRET", shown(configuration.callbackSecret != nil)),
            ("SALESFORCE_KEY", secret), ("SALESFORCE_SECRET", secret),
            ("SALESFORCE_LOGIN_URL", configuration.loginURL),
            ("FORCE_NAMESPACE", configuration.namespace ?? "not set"),
            ("CONSENT_RETURN_ORIGINS", configuration.consentReturnOrigins.joined(separator: ",")),
            ("X_BEARER_TOKEN", shown(configuration.tweets != nil)),
            ("X_API_URL", configuration.tweets?.origin ?? "not used"),
            ("SMTP_URL", shown(configuration.smtpURL != nil)),
            ("MAIL_FROM", configuration.mailFrom.map { "\($0)" } ?? "not set"),
            ("SUPPORT_EMAIL", configuration.brand.support.map { "\($0)" } ?? "not set"),
            ("BRAND_NAME", configuration.brand.name),
            ("BRAND_LOGO_URL", configuration.brand.logo?.url ?? "not set"),
            ("DEV_EMAIL", configuration.developmentAddress.map { "\($0)" } ?? "not set"),
            ("MAILS_PER_HOUR", "\(configuration.mailLimits.total)"),
            ("ADMIN_ALERTS", configuration.alerts.mailsAdmins ? "on" : "off"),
            ("WEBHOOK_PRIVATE_ADDRESSES", configuration.allowsPrivateWebhooks ? "on" : "off"),
            ("DASHBOARD_EXPLORER", configuration.showsRows ? "on" : "off"),
            ("METRICS_TOKEN", shown(configuration.metricsToken != nil)),
            ("MAPPING_FILE", configuration.mappingFile), ("LOG_LEVEL", "\(configuration.logLevel)"),
            ("LOOPS", "\(configuration.loops)"),
            ("DATABASE_CONNECTIONS", "\(configuration.databaseConnections)"),
            ("WORKER_CONCURRENCY", "\(configuration.workerConcurrency)"),
            ("API_RESERVE_PERCENT", "\(configuration.apiReservePercent)"),
            ("TRUST_PROXY", configuration.trustsProxy ? "on" : "off"),
            ("TLS_CERTIFICATE", configuration.tlsFiles?.certificate ?? "not set"),
        ]
    }
}

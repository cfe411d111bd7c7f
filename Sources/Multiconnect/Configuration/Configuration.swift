import Cryptography
import FoundationEssentials
import Jobs
import Logging
import Organizations
import Postgres
import Redis
import Replication
import Salesforce

/// All settings, read from the environment once. `docs/configuration.md` describes them. Secrets print as
/// `<redacted>`.
struct Configuration: Sendable {
    enum Defaults {
        static let port = 8080
        static let workerConcurrency = 10
        /// Heroku's small plans allow 20 connections in total: two processes and a psql.
        static let databaseConnections = 9
        static let mappingFile = "config/mapping.json"
        /// An eighth of the memory of Heroku's smallest dyno.
        static let bufferedBodyBytes = 64 << 20
        static let loginURL = "https://login.salesforce.com"
        static let cell = "default"
        static let maximumLoops = 16
        static let jobsKeepDays = 7
        /// Sidekiq's default.
        static let deadJobsKeepDays = 180
        static let historyKeepDays = 365
        static let registrationsKeepDays = 90
        static let repairHours = 24
    }

    var databaseURL: Secret
    var redisURL: Secret
    /// False accepts any certificate, even if the URL says otherwise: Heroku's certificate is self-signed,
    /// and Heroku sets the URL.
    var verifiesRedis: Bool
    /// Further databases that hold tenants, by cell name; the control database is the cell `default`.
    var cellURLs: [String: Secret]
    /// The cell of new organizations.
    var newOrganizationsCell: String
    var keyRing: KeyRing
    var applicationURL: String
    /// The name of this installation on pages and in mails.
    var applicationName: String
    /// The product that admins see.
    var brand: Brand
    var port: UInt16
    /// Bytes of request bodies that the web process holds at one time.
    var bufferedBodyBytes: Int
    /// The path of a Unix socket that the web process listens on instead of the port.
    var unixSocket: String?
    var salesforceKey: String
    var salesforceSecret: Secret
    var loginURL: String
    /// The managed package's namespace, without underscores; nil for unmanaged code.
    var namespace: String?
    var callbackSecret: Secret?
    /// The origins, besides our own, to whose pages a browser may return after a consent.
    var consentReturnOrigins: [String]
    /// The search of the example `tweets`; nil: off.
    var tweets: TweetSettings?
    var smtpURL: Secret?
    /// The sender of mails; never nil if `smtpURL` is set.
    var mailFrom: MailSender?
    var mailLimits: MailLimits
    var developmentAddress: EmailAddress?
    /// Who gets the notifications to operators.
    var alerts: AlertSettings
    /// Whether webhooks may have private addresses and http URLs. For development.
    var allowsPrivateWebhooks: Bool
    var operatorCredentials: (user: String, password: Secret)?
    /// Gives access to the dashboard's pages, without its actions.
    var viewerCredentials: (user: String, password: Secret)?
    /// Whether operators may browse tenants' rows on the dashboard.
    var showsRows: Bool
    /// Gives access to `/metrics`, like the operators' credentials.
    var metricsToken: Secret?
    var mappingFile: String
    var logLevel: Logger.Level
    var workerConcurrency: Int
    /// Jobs of one tenant that a worker runs while another tenant waits; nil: any number.
    var workerTenantCap: Int?
    var loops: Int
    var databaseConnections: Int
    var jobRetention: JobRetention
    /// Also for registrations without consent.
    var historyRetention: HistoryRetention
    /// How many rows of an import may be quarantined before the import is given up.
    var quarantineLimit: QuarantineLimit
    /// Percent of each org's API allowance that is never used.
    var apiReservePercent: Int
    /// A PEM file with the certificate authorities to trust in calls, instead of the system's.
    var certificateFile: String?
    /// Time between two repairs of a mapping; nil: none are scheduled.
    var repairInterval: Duration?
    var trustsProxy: Bool
    /// PEM files with the certificate chain and the private key, if the web process serves https itself.
    var tlsFiles: (certificate: String, key: String)?
    /// Listening sockets from systemd (sd_listen_fds(3)).
    var activatedSockets: [Int32]
}

/// All missing and invalid settings, each with its name. The process exits with 78 (EX_CONFIG).
struct ConfigurationProblems: Error, CustomStringConvertible, Equatable {
    static let exitCode: Int32 = 78

    var problems: [String]

    var description: String {
        "settings are missing or invalid:\n" + problems.map { "  - \($0)" }.joined(separator: "\n")
    }
}

extension Configuration {
    /// Reads the environment. Throws all problems together.
    init(environment: [String: String], cores: Int = 1) throws(ConfigurationProblems) {
        var reader = EnvironmentReader(environment)
        let name = reader.text("APP_NAME")
        let applicationURL = reader.origin("APP_URL") ?? name.map { "https://\($0).herokuapp.com" }
        if applicationURL == nil {
            reader.report(
                "APP_URL is missing: set it to the URL of the web process for browsers, or set APP_NAME")
        }
        databaseURL = Secret(text: reader.postgresURL("DATABASE_URL", isRequired: true) ?? "")
        redisURL = Secret(text: reader.redisURL("REDIS_URL") ?? "")
        verifiesRedis = reader.flag("REDIS_TLS_VERIFY", default: true)
        cellURLs = reader.cells()
        newOrganizationsCell = reader.text("NEW_ORGANIZATIONS_CELL") ?? Defaults.cell
        if newOrganizationsCell != Defaults.cell, cellURLs[newOrganizationsCell] == nil {
            reader.report(
                "NEW_ORGANIZATIONS_CELL names the cell \(newOrganizationsCell), but "
                    + "CELL_\(newOrganizationsCell.uppercased())_URL is missing")
        }
        let keyRing = reader.keyRing()
        self.applicationURL = applicationURL ?? ""
        port = UInt16(reader.number("PORT", default: Defaults.port, in: 1...65535))
        bufferedBodyBytes = reader.number(
            "BUFFERED_BODY_BYTES", default: Defaults.bufferedBodyBytes, in: (64 << 10)...(64 << 30))
        unixSocket = reader.socketPath("UNIX_SOCKET")
        salesforceKey = reader.required("SALESFORCE_KEY", "the OAuth app's consumer key")
        salesforceSecret = Secret(
            text: reader.required("SALESFORCE_SECRET", "the OAuth app's consumer secret"))
        loginURL = reader.url("SALESFORCE_LOGIN_URL") ?? Defaults.loginURL
        namespace = reader.namespace("FORCE_NAMESPACE")
        callbackSecret = reader.text("CALLBACK_SECRET").map { Secret(text: $0) }
        consentReturnOrigins = reader.origins("CONSENT_RETURN_ORIGINS")
        tweets = reader.tweets()
        smtpURL = reader.smtpURL("SMTP_URL").map { Secret(text: $0) }
        applicationName = name ?? "Multiconnect"
        brand = reader.brand(name ?? "Multiconnect")
        mailFrom = reader.sender("MAIL_FROM", isRequired: smtpURL != nil)
        mailLimits = MailLimits(
            total: reader.number("MAILS_PER_HOUR", default: MailLimits.standardTotal, in: 1...100_000))
        developmentAddress = reader.address("DEV_EMAIL")
        (operatorCredentials, viewerCredentials) = reader.dashboardCredentials()
        showsRows = reader.flag("DASHBOARD_EXPLORER", default: true)
        alerts = reader.alerts()
        allowsPrivateWebhooks = reader.flag("WEBHOOK_PRIVATE_ADDRESSES")
        metricsToken = reader.text("METRICS_TOKEN").map { Secret(text: $0) }
        mappingFile = reader.text("MAPPING_FILE") ?? Defaults.mappingFile
        logLevel = reader.logLevel("LOG_LEVEL")
        workerConcurrency = reader.number(
            "WORKER_CONCURRENCY", default: Defaults.workerConcurrency, in: 1...1000)
        workerTenantCap = reader.number("WORKER_TENANT_CAP", in: 1...1000)
        databaseConnections = reader.number(
            "DATABASE_CONNECTIONS", default: Defaults.databaseConnections, in: 3...1000)
        let loops = min(
            cores, Defaults.maximumLoops,
            ConnectionBudget.loops(total: databaseConnections, cells: 1 + cellURLs.count))
        self.loops = reader.number("LOOPS", default: loops, in: 1...Defaults.maximumLoops)
        jobRetention = reader.jobRetention()
        historyRetention = reader.historyRetention()
        quarantineLimit = reader.quarantineLimit()
        apiReservePercent = reader.apiReserve()
        certificateFile = reader.text("SSL_CERT_FILE")
        repairInterval = reader.repairInterval()
        trustsProxy = reader.flag("TRUST_PROXY")
        tlsFiles = reader.tlsFiles()
        activatedSockets = reader.activatedSockets()
        guard reader.problems.isEmpty, let keyRing else {
            throw ConfigurationProblems(problems: reader.problems)
        }
        self.keyRing = keyRing
    }

    /// The log level, which is needed before the other settings are checked.
    static func logLevel(environment: [String: String]) -> Logger.Level {
        environment["LOG_LEVEL"].flatMap { Logger.Level(rawValue: $0.lowercased()) } ?? .info
    }
}

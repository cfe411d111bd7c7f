import Cryptography
import FoundationEssentials
import HTTPClient
import HTTPServer
import Jobs
import Logging
import Organizations
import Postgres
import Reactor
import Redis
import Replication

/// Reads settings from an environment and collects the problems.
struct EnvironmentReader {
    private let environment: [String: String]
    private(set) var problems: [String] = []

    init(_ environment: [String: String]) {
        self.environment = environment
    }

    mutating func report(_ problem: String) { problems.append(problem) }

    /// A value that is not empty. `NAME=` counts as unset, because Heroku's forms set empty values.
    func text(_ name: String) -> String? {
        guard let value = environment[name], !value.isEmpty else { return nil }
        return value
    }

    mutating func required(_ name: String, _ meaning: String) -> String {
        if let value = text(name) { return value }
        report("\(name) is missing: set it to \(meaning)")
        return ""
    }

    mutating func number(_ name: String, default standard: Int, in range: ClosedRange<Int>) -> Int {
        number(name, in: range) ?? standard
    }

    mutating func number(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = text(name) else { return nil }
        if let number = Int(text), range.contains(number) { return number }
        let bounds = "from \(range.lowerBound) to \(range.upperBound)"
        report("\(name) must be a number \(bounds), not \(text.debugDescription)")
        return nil
    }

    mutating func jobRetention() -> JobRetention {
        JobRetention(
            finished: days("JOBS_KEEP_DAYS", default: Configuration.Defaults.jobsKeepDays, from: 1),
            dead: days("DEAD_JOBS_KEEP_DAYS", default: Configuration.Defaults.deadJobsKeepDays, from: 1))
    }

    mutating func historyRetention() -> HistoryRetention {
        let history = days(
            "HISTORY_KEEP_DAYS", default: Configuration.Defaults.historyKeepDays, from: 0)
        let registrations = days(
            "REGISTRATIONS_KEEP_DAYS", default: Configuration.Defaults.registrationsKeepDays, from: 0)
        return HistoryRetention(
            history: history == .zero ? nil : history,
            registrations: registrations == .zero ? nil : registrations)
    }

    /// A number of days, at most ten years.
    private mutating func days(_ name: String, default standard: Int, from least: Int) -> Duration {
        .seconds(number(name, default: standard, in: least...3650) * 86_400)
    }

    /// Percent of each org's API allowance.
    mutating func apiReserve() -> Int {
        number("API_RESERVE_PERCENT", default: OrganizationsLimits.apiReservePercent, in: 0...95)
    }

    mutating func quarantineLimit() -> QuarantineLimit {
        QuarantineLimit(
            rows: number(
                "QUARANTINE_LIMIT_ROWS", default: ReplicationLimits.quarantineRows, in: 0...1_000_000_000),
            percent: number(
                "QUARANTINE_LIMIT_PERCENT", default: ReplicationLimits.quarantinePercent, in: 0...100))
    }

    mutating func repairInterval() -> Duration? {
        let hours = number("REPAIR_HOURS", default: Configuration.Defaults.repairHours, in: 0...8_760)
        return hours == 0 ? nil : .seconds(hours * 3_600)
    }

    mutating func flag(_ name: String, default standard: Bool = false) -> Bool {
        guard let text = text(name)?.lowercased() else { return standard }
        if ["true", "1", "yes", "on"].contains(text) { return true }
        if ["false", "0", "no", "off"].contains(text) { return false }
        report("\(name) must be true or false, not \(text.debugDescription)")
        return false
    }

    /// An http or https URL without a trailing slash.
    mutating func url(_ name: String) -> String? {
        guard var text = text(name) else { return nil }
        while text.hasSuffix("/") { text.removeLast() }
        let url = URL(string: text)
        guard let url, ["http", "https"].contains(url.scheme), url.host()?.isEmpty == false else {
            report("\(name) must be an http or https URL, not \(text.debugDescription)")
            return nil
        }
        return text
    }

    /// A URL of scheme, host and port only, because the pages are at the root.
    mutating func origin(_ name: String) -> String? {
        guard let text = url(name) else { return nil }
        let url = URL(string: text)
        let isOrigin =
            url?.path().isEmpty == true && url?.query() == nil && url?.fragment() == nil
            && url?.user() == nil
        if isOrigin { return text }
        report(
            "\(name) must have scheme, host and port only, such as https://sync.example.com, "
                + "not \(text.debugDescription)")
        return nil
    }

    mutating func postgresURL(_ name: String, isRequired: Bool = false) -> String? {
        guard let text = text(name) else {
            if isRequired {
                report("\(name) is missing: set it to postgres://user:password@host:port/database")
            }
            return nil
        }
        do {
            _ = try PostgresConfiguration(url: text)
            return text
        } catch {
            report("\(name) is not a Postgres URL: \(error)")
            return nil
        }
    }

    mutating func redisURL(_ name: String) -> String? {
        guard let text = text(name) else {
            report("\(name) is missing: set it to redis://:password@host:port/0")
            return nil
        }
        do {
            _ = try RedisConfiguration(url: text)
            return text
        } catch {
            report("\(name) is not a Redis URL: \(error)")
            return nil
        }
    }

    mutating func address(_ name: String) -> EmailAddress? {
        guard let text = text(name) else { return nil }
        if let address = EmailAddress(text) { return address }
        report("\(name) must be an e-mail address, not \(text.debugDescription)")
        return nil
    }

    /// An address, or a name with an address.
    mutating func sender(_ name: String, isRequired: Bool) -> MailSender? {
        guard let text = text(name) else {
            if isRequired {
                report("\(name) is missing: SMTP_URL needs a sender, such as Acme Sync <sync@acme.example>")
            }
            return nil
        }
        if let sender = MailSender(text) { return sender }
        report(
            "\(name) must be an e-mail address, or a name and an address such as "
                + "Acme Sync <sync@acme.example>, not \(text.debugDescription)")
        return nil
    }

    /// The absolute path of a Unix socket.
    mutating func socketPath(_ name: String) -> String? {
        guard let text = text(name) else { return nil }
        if text.hasPrefix("/"), text.utf8.count <= SocketAddress.maximumPathBytes { return text }
        report(
            "\(name) must be an absolute path of at most \(SocketAddress.maximumPathBytes) bytes, "
                + "not \(text.debugDescription)")
        return nil
    }

    mutating func smtpURL(_ name: String) -> String? {
        guard let text = text(name) else { return nil }
        if (try? MailServer(url: text)) != nil { return text }
        // The message does not quote the value, because it has a password.
        report(
            "\(name) must be smtp://user:password@host:port or smtps://..., with percent-encoded special "
                + "characters in user and password")
        return nil
    }

    /// `CELL_<NAME>_URL`: the database of the cell `<name>`, in lower case.
    mutating func cells() -> [String: Secret] {
        var cells: [String: Secret] = [:]
        for name in environment.keys.sorted() where name.hasPrefix("CELL_") && name.hasSuffix("_URL") {
            let cell = name.dropFirst("CELL_".count).dropLast("_URL".count).lowercased()
            guard !cell.isEmpty, cell != Configuration.Defaults.cell else {
                report("\(name) names no cell, or the cell `default`, which is the control database")
                continue
            }
            if let url = postgresURL(name) { cells[String(cell)] = Secret(text: url) }
        }
        return cells
    }

    mutating func keyRing() -> KeyRing? {
        guard let text = text("SECRET") else {
            report("SECRET is missing: set it to the output of `multiconnect generate-secret`")
            return nil
        }
        let current = key("SECRET", text)
        // A key has neither commas nor white space.
        let previous = (self.text("SECRET_PREVIOUS") ?? "").split { $0 == "," || $0.isWhitespace }
            .compactMap { key("SECRET_PREVIOUS", String($0)) }
        return current.map { KeyRing(current: $0, previous: previous) }
    }

    private mutating func key(_ name: String, _ text: String) -> SecretKey? {
        do {
            return try SecretKey(text: text)
        } catch {
            report(
                "\(name) must be 32 bytes as base64 or as 64 hexadecimal digits, such as the output of "
                    + "`multiconnect generate-secret`"
                    + (name == "SECRET" ? "" : "; separate several by commas"))
            return nil
        }
    }

    /// Salesforce's rule: 1 to 15 letters, digits and single underscores, and a letter first.
    mutating func namespace(_ name: String) -> String? {
        guard var text = text(name) else { return nil }
        while text.hasSuffix("_") { text.removeLast() }
        let isValid =
            text.count <= 15 && text.first?.isLetter == true && !text.contains("__")
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        if isValid { return text }
        report(
            "\(name) must be a package namespace (1 to 15 letters, digits, single underscores), "
                + "not \(text.debugDescription)")
        return nil
    }

    typealias Credentials = (user: String, password: Secret)

    /// The credentials of operators, and of viewers.
    mutating func dashboardCredentials() -> (operators: Credentials?, viewers: Credentials?) {
        let operators = credentials("SIDEKIQ_USERNAME", "SIDEKIQ_PASSWORD")
        let viewers = credentials("DASHBOARD_VIEWER_USERNAME", "DASHBOARD_VIEWER_PASSWORD")
        if viewers != nil, operators == nil {
            report(
                "DASHBOARD_VIEWER_USERNAME has no effect without SIDEKIQ_USERNAME: the dashboard is closed")
        } else if let viewers, viewers.user == operators?.user {
            report("DASHBOARD_VIEWER_USERNAME must differ from SIDEKIQ_USERNAME")
        }
        return (operators, viewers)
    }

    private mutating func credentials(_ name: String, _ password: String) -> Credentials? {
        switch (text(name), text(password)) {
        case (let user?, _?) where user.utf8.contains(UInt8(ascii: ":")):
            // In basic authentication (RFC 7617) the name ends at the first colon, so no login would succeed.
            report("\(name) must not have a colon")
        case (let user?, let password?): return (user, Secret(text: password))
        case (nil, nil): return nil
        case (nil, _): report("\(password) is set, but \(name) is missing")
        case (_, nil): report("\(name) is set, but \(password) is missing")
        }
        return nil
    }

    mutating func tlsFiles() -> (certificate: String, key: String)? {
        switch (text("TLS_CERTIFICATE"), text("TLS_KEY")) {
        case (let certificate?, let key?): return (certificate, key)
        case (nil, nil): return nil
        case (nil, _): report("TLS_KEY is set, but TLS_CERTIFICATE is missing")
        case (_, nil): report("TLS_CERTIFICATE is set, but TLS_KEY is missing")
        }
        return nil
    }

    func activatedSockets() -> [Int32] {
        SocketActivation.descriptors(
            listenPID: text("LISTEN_PID"), listenCount: text("LISTEN_FDS"),
            processID: ProcessInfo.processInfo.processIdentifier)
    }

    mutating func logLevel(_ name: String) -> Logger.Level {
        guard let text = text(name) else { return .info }
        if let level = Logger.Level(rawValue: text.lowercased()) { return level }
        let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        report("\(name) must be one of \(names), not \(text.debugDescription)")
        return .info
    }
}

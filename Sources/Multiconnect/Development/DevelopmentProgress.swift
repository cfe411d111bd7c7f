import FoundationEssentials
import Organizations
import Postgres
import Reactor

/// Follows the orgs from the installation to the last row, and prints the progress.
struct DevelopmentProgress: Sendable {
    private enum Limits {
        /// Between two queries for the tenants.
        static let pause = Duration.milliseconds(250)
        /// After this time it prints that it waits for a mail.
        static let messageDelay = Duration.seconds(3)
        /// Mails other than the first consent mails.
        static let otherMails = 1000
    }

    let options: DevelopmentOptions
    let pool: PostgresPool

    /// Returns whether all rows arrived before the timeout.
    func follow(_ orgs: [SimulatedOrg], simulator: InstallationSimulator) async throws -> Bool {
        let start = ContinuousClock.now
        for org in orgs {
            try await simulator.install(org)
            StandardOutput.write(line: "\(elapsed(start))  package installed in \(org.name) (\(org.id))")
        }
        var links: [String: String] = [:]
        for org in orgs {
            let link = try await mailedLink(org, &links, start: start, orgs: orgs.count)
            try await simulator.consent(org, link: link)
            StandardOutput.write(line: "\(elapsed(start))  admin of \(org.name) consented")
        }
        var shown = ""
        while .now < start + options.timeout {
            let begun = ContinuousClock.now
            let table = try await TenantTable.read(pool, limit: orgs.count)
            let state = summary(table, orgs)
            if state != shown {
                StandardOutput.write(line: "\(elapsed(start))  \(state)")
                shown = state
            }
            if isComplete(table, orgs) {
                StandardOutput.write(line: "\n\(table.text)\n\nall rows imported after \(elapsed(start))")
                return true
            }
            // Counting rows slows down the imports, so the pause grows with the time that counting takes.
            try await EventLoop.current.sleep(for: max(Limits.pause, (.now - begun) * 3))
        }
        let table = try await TenantTable.read(pool, limit: orgs.count)
        StandardOutput.write(line: "\n\(table.text)\n\nnot all rows were imported within \(options.timeout)")
        return false
    }

    private func elapsed(_ start: ContinuousClock.Instant) -> String {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return "\(seconds).\(attoseconds / 100_000_000_000_000_000) s"
    }

    /// The link in the mail to the org's admin.
    ///
    /// - Parameter links: the links of the mails that were already read, by org id.
    private func mailedLink(
        _ org: SimulatedOrg, _ links: inout [String: String], start: ContinuousClock.Instant, orgs: Int
    ) async throws -> String {
        var isPrinted = false
        let begun = ContinuousClock.now
        while .now < start + options.timeout {
            if let link = links[org.id] { return link }
            let mails = try await pool.withConnection {
                try await MailStore(on: $0).list(limit: orgs + Limits.otherMails)
            }
            for word in mails.flatMap({ $0.text.split(whereSeparator: \.isWhitespace) })
            where word.contains("/authenticate?") {
                links[String(word.suffix(org.id.count))] = String(word)
            }
            if links[org.id] != nil { continue }
            if !isPrinted, .now - begun > Limits.messageDelay {
                isPrinted = true
                StandardOutput.write(line: "\(elapsed(start))  waiting for the mail for \(org.name)")
            }
            try await EventLoop.current.sleep(for: .milliseconds(50))
        }
        throw DevelopmentEnvironment.NotReady(
            part: "the mail for \(org.name)", reason: "the worker did not write it within \(options.timeout)")
    }

    private func summary(_ table: TenantTable, _ orgs: [SimulatedOrg]) -> String {
        let rows = table.lines.reduce(0) { $0 + $1.rows }
        let expected = expectedRows(table, orgs)
        let organizations = Dictionary(grouping: table.lines, by: \.organization.id).values.compactMap(
            \.first)
        let statuses = Dictionary(grouping: organizations) { "\($0.organization.status)" }
            .sorted { $0.key < $1.key }.map { "\($0.value.count) \($0.key)" }
        return "\(rows) of \(expected) rows imported, tenants: \(statuses.joined(separator: ", "))"
    }

    private func expectedRows(_ table: TenantTable, _ orgs: [SimulatedOrg]) -> Int {
        table.lines.reduce(0) { $0 + expected($1, orgs) }
    }

    private func expected(_ line: TenantTable.Line, _ orgs: [SimulatedOrg]) -> Int {
        orgs.first { $0.id == "\(line.organization.organizationID)" }?.objects[line.object] ?? 0
    }

    private func isComplete(_ table: TenantTable, _ orgs: [SimulatedOrg]) -> Bool {
        let isLive = table.lines.allSatisfy { $0.organization.status == .live }
        let hasAllTenants = Set(table.lines.map(\.organization.id)).count == orgs.count
        return hasAllTenants && isLive
            && table.lines.allSatisfy { $0.rows + $0.quarantined == expected($0, orgs) }
    }
}

import FoundationEssentials
import Organizations
import Postgres
import Reactor

/// Follows the orgs from install to the last row, and says how far they are.
struct DevelopmentProgress: Sendable {
    private enum Limits {
        /// Between two looks at the tenants.
        static let pause = Duration.milliseconds(250)
        /// How long it waits without a word.
        static let silence = Duration.seconds(3)
        /// Mails beside those of the first consents.
        static let otherMails = 1000
    }

    let options: DevelopmentOptions
    let pool: PostgresPool

    /// Whether every row came before the patience ended.
    func follow(_ orgs: [SimulatedOrg], player: InstallationPlayer) async throws -> Bool {
        let start = ContinuousClock.now
        for org in orgs {
            try await player.install(org)
            StandardOutput.write(line: "\(elapsed(start))  installed in \(org.name) (\(org.id))")
        }
        var links: [String: String] = [:]
        for org in orgs {
            let link = try await mailedLink(org, &links, start: start, orgs: orgs.count)
            try await player.consent(org, link: link)
            StandardOutput.write(line: "\(elapsed(start))  \(org.name) consented")
        }
        var shown = ""
        while .now < start + options.patience {
            let begun = ContinuousClock.now
            let table = try await TenantTable.read(pool, limit: orgs.count)
            let state = summary(table, orgs)
            if state != shown {
                StandardOutput.write(line: "\(elapsed(start))  \(state)")
                shown = state
            }
            if isComplete(table, orgs) {
                StandardOutput.write(line: "\n\(table.text)\n\nall rows are there after \(elapsed(start))")
                return true
            }
            // Counting the rows of many tenants is work for the database that their imports need.
            try await EventLoop.current.sleep(for: max(Limits.pause, (.now - begun) * 3))
        }
        let table = try await TenantTable.read(pool, limit: orgs.count)
        StandardOutput.write(line: "\n\(table.text)\n\nnot all rows came within \(options.patience)")
        return false
    }

    private func elapsed(_ start: ContinuousClock.Instant) -> String {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return "\(seconds).\(attoseconds / 100_000_000_000_000_000) s"
    }

    /// The link of the mail that the worker has written for the org's admin.
    ///
    /// - Parameter links: of the mails read so far, by org id.
    private func mailedLink(
        _ org: SimulatedOrg, _ links: inout [String: String], start: ContinuousClock.Instant, orgs: Int
    ) async throws -> String {
        var isTold = false
        let begun = ContinuousClock.now
        while .now < start + options.patience {
            if let link = links[org.id] { return link }
            let mails = try await pool.withConnection {
                try await MailStore(on: $0).list(limit: orgs + Limits.otherMails)
            }
            for word in mails.flatMap({ $0.text.split(whereSeparator: \.isWhitespace) })
            where word.contains("/authenticate?") {
                links[String(word.suffix(org.id.count))] = String(word)
            }
            if links[org.id] != nil { continue }
            if !isTold, .now - begun > Limits.silence {
                isTold = true
                StandardOutput.write(line: "\(elapsed(start))  waiting for the mail for \(org.name)")
            }
            try await EventLoop.current.sleep(for: .milliseconds(50))
        }
        throw DevelopmentEnvironment.NotReady(
            part: "the mail for \(org.name)", reason: "it was not written within \(options.patience)")
    }

    private func summary(_ table: TenantTable, _ orgs: [SimulatedOrg]) -> String {
        let rows = table.lines.reduce(0) { $0 + $1.rows }
        let expected = expectedRows(table, orgs)
        let organizations = Dictionary(grouping: table.lines, by: \.organization.id).values.compactMap(
            \.first)
        let statuses = Dictionary(grouping: organizations) { "\($0.organization.status)" }
            .sorted { $0.key < $1.key }.map { "\($0.value.count) \($0.key)" }
        return "\(rows) of \(expected) rows; \(statuses.joined(separator: ", "))"
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

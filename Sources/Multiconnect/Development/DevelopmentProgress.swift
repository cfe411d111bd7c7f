import FoundationEssentials
import Organizations
import Postgres
import Reactor

/// Follows the orgs from install to the last row, and says how far they are.
struct DevelopmentProgress: Sendable {
    let options: DevelopmentOptions
    let pool: PostgresPool

    /// Whether every row came before the patience ended.
    func follow(_ orgs: [SimulatedOrg], player: InstallationPlayer) async throws -> Bool {
        let start = ContinuousClock.now
        for org in orgs {
            try await player.install(org)
            StandardOutput.write(line: "\(elapsed(start))  installed in \(org.name) (\(org.id))")
        }
        for org in orgs {
            try await player.consent(org, link: mailedLink(org, until: start + options.patience))
            StandardOutput.write(line: "\(elapsed(start))  \(org.name) consented")
        }
        var shown = ""
        while .now < start + options.patience {
            let table = try await TenantTable.read(pool)
            let state = summary(table, orgs)
            if state != shown {
                StandardOutput.write(line: "\(elapsed(start))  \(state)")
                shown = state
            }
            if isComplete(table, orgs) {
                StandardOutput.write(line: "\n\(table.text)\n\nall rows are there after \(elapsed(start))")
                return true
            }
            try await EventLoop.current.sleep(for: .milliseconds(250))
        }
        StandardOutput.write(
            line: "\n\(try await TenantTable.read(pool).text)\n\nnot all rows came within \(options.patience)"
        )
        return false
    }

    private func elapsed(_ start: ContinuousClock.Instant) -> String {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return "\(seconds).\(attoseconds / 100_000_000_000_000_000) s"
    }

    /// The link of the mail that the worker has written for the org's admin.
    private func mailedLink(_ org: SimulatedOrg, until deadline: ContinuousClock.Instant) async throws
        -> String
    {
        while .now < deadline {
            let mails = try await pool.withConnection { try await MailStore(on: $0).list(limit: 1000) }
            let words = mails.flatMap { $0.text.split(whereSeparator: \.isWhitespace) }
            if let link = words.first(where: { $0.contains("/authenticate?") && $0.hasSuffix(org.id) }) {
                return String(link)
            }
            try await EventLoop.current.sleep(for: .milliseconds(50))
        }
        throw DevelopmentEnvironment.NotReady(part: "the mail for \(org.name)")
    }

    private func summary(_ table: TenantTable, _ orgs: [SimulatedOrg]) -> String {
        let rows = table.lines.reduce(0) { $0 + $1.rows }
        let expected = expectedRows(table, orgs)
        let statuses = Dictionary(grouping: table.lines, by: \.organization.id).values.compactMap(\.first)
            .map { "\($0.organization.status)" }.sorted()
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

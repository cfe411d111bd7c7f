import ArgumentParser
import Encoding
import JobAdmin
import Organizations
import TenantAdmin

/// `multiconnect organizations diagnose`
struct OrganizationsDiagnoseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diagnose",
        abstract: "Checks a tenant's org, mappings and database, and says what to do.",
        discussion: """
            Asks the org with about five API calls. RED: the sync does not work, or not for long. YELLOW: it \
            works, but could work better. --verbose also prints GREEN and SKIPPED. Exit status: 0 nothing is \
            red; 1 something is red; 64 invalid id; 66 no such tenant; 69 a database or the org does not \
            answer, or the org has no consent.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Flag(name: .shortAndLong, help: "Also prints what is good and what was skipped.") var verbose = false
    @Flag(help: "Prints JSON, as the API's validations.") var json = false

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            let found = try await session.organization(organization)
            let checkup = try await check(found, session)
            print(json ? checkup.document.text : text(checkup))
            if checkup.findings.contains(where: { $0.level == .missing }) { throw ExitCode(1) }
        }
    }

    private func check(_ organization: Organization, _ session: JobsSession) async throws -> Checkup {
        do {
            return try await session.withOrgs { try await $0.checkup(of: organization) }
        } catch let error as TenantAdminError {
            throw CommandFailure(error.description, code: CommandFailure.unavailable)
        }
    }

    /// The output of `heroku connect:diagnose`.
    private func text(_ checkup: Checkup) -> String {
        let order: [Checkup.Finding.Level] = [.missing, .advice, .good, .skipped]
        let shown = order.prefix(verbose ? order.count : 2).flatMap { level in
            checkup.findings.filter { $0.level == level }
        }
        guard !shown.isEmpty else { return "Everything appears to be fine" }
        return shown.map { finding in
            let object = finding.object.map { " (\(JobsText.plain($0)))" } ?? ""
            return """
                \(Self.color(finding.level)): \(finding.rule.title)\(object)
                  \(JobsText.plain(finding.message))
                """
        }.joined(separator: "\n")
    }

    private static func color(_ level: Checkup.Finding.Level) -> String {
        switch level {
        case .missing: "RED"
        case .advice: "YELLOW"
        case .good: "GREEN"
        case .skipped: "SKIPPED"
        }
    }
}

import ArgumentParser
import Encoding
import FoundationEssentials
import Organizations
import Replication
import TenantAdmin

extension OrganizationStatus: ExpressibleByArgument {}
extension TenantOrder: ExpressibleByArgument {}

/// `multiconnect organizations list`
struct OrganizationsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists tenants with their status, objects, rows and problems; what needs attention first.",
        discussion: """
            LAG is how late the tenant's changes arrive. WAITING is the number of users' changes that \
            wait to be sent, counted up to \(ReplicationLimits.countedBacklog) per state. A cell that does \
            not answer has neither. Exit status: 0 done; 64 wrong arguments; 69 the database does not answer.
            """)

    @Option(help: "A part of the name, org id, schema or admin's address.") var search = ""
    @Option(help: "Only tenants with this status; may be repeated.") var status: [OrganizationStatus] = []
    @Flag(help: "Only tenants that need attention.") var attention = false
    @Option(help: "The order.") var order = TenantOrder.attention
    @Option(help: "The most tenants. Default: all.") var limit: Int?
    @Flag(help: "Prints JSON.") var json = false

    private static let pageSize = 1_000

    func validate() throws {
        guard limit ?? 1 > 0 else { throw ValidationError("--limit must be positive") }
        guard search.count <= TenantAdminLimits.searchCharacters else {
            throw ValidationError("--search has more than \(TenantAdminLimits.searchCharacters) characters")
        }
    }

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            var filter = TenantFilter()
            filter.search = search
            filter.statuses = Set(status)
            filter.needsAttention = attention
            var found: [TenantSummary] = []
            var position: TenantPosition?
            repeat {
                let size = min(Self.pageSize, (limit ?? .max) - found.count)
                let page = try await session.tenants.list(
                    filter, order: order, after: position, limit: size)
                found += page.tenants
                position = page.next
            } while position != nil && found.count < limit ?? .max
            let traffic = await session.tenants.traffic(of: found.map(\.organization))
            print(
                json
                    ? OrganizationsText.document(found, traffic).text
                    : OrganizationsText.table(found, traffic, now: Date()))
        }
    }
}

/// `multiconnect organizations show`
struct OrganizationsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows a tenant: its steps, objects, notifications, allowance, changes, jobs and activity.",
        discussion: """
            Exit status: 0 done, also if the tenant's cell does not answer; 64 invalid id; 66 no such \
            tenant; 69 the control database does not answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Flag(help: "Prints JSON.") var json = false

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            let found = try await session.organization(organization)
            guard let detail = try await session.tenants.detail(found.id) else {
                throw CommandFailure("there is no tenant \(organization)", code: CommandFailure.noInput)
            }
            let report = OrganizationReport(
                detail: detail, cell: await session.tenants.cell(of: found),
                jobs: try await session.tenants.recentJobs(of: found.id),
                link: ConsentLink.url(
                    appURL: session.launch.configuration.applicationURL,
                    organization: found.organizationID, environment: found.environment))
            print(json ? report.document.text : report.text(now: Date()))
        }
    }
}

import ArgumentParser
import Encoding
import FoundationEssentials
import Jobs

/// `multiconnect jobs weigh`
struct JobsWeighCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weigh",
        abstract: "Gives a tenant several jobs in a turn, where other tenants have one.")

    @Option(help: ArgumentHelp("The tenant: an org id, or the tenant's own id.", valueName: "org"))
    var tenant: String
    @Argument(help: "Jobs in a turn, 1 to 100; 1: as the others.") var weight: Int
    @Flag(help: "As JSON.") var json = false
    @OptionGroup var actor: ActorOption

    func validate() throws {
        guard TenantWeight.range.contains(weight) else {
            throw ValidationError("a weight is 1 to 100, not \(weight)")
        }
    }

    func run() async throws {
        try await JobsDesk.open { [self] desk in
            let organization = try await desk.tenant(tenant)
            // A weight that is left of a removed tenant can be taken away.
            let left = weight == 1 ? try await desk.jobs.tenantWeights() : []
            if !left.contains(where: { $0.organizationID == organization }) {
                try await desk.requireTenant(organization)
            }
            let isNew = try await desk.jobs.weigh(organization, weight, by: actor.name)
            let name = PauseScope.tenant(organization).key
            guard !json else {
                let fields: [(String, JSONText)] = [
                    ("tenant", .string(organization.uuidString.lowercased())), ("weight", .number(weight)),
                    ("changed", .bool(isNew)),
                ]
                return print(JSONText.object(fields).text)
            }
            let turn = weight == 1 ? "one job in a turn" : "\(weight) jobs in a turn"
            print("\(name) has \(turn)\(isNew ? "" : " already")")
        }
    }
}

import ArgumentParser
import Encoding
import FoundationEssentials
import JobAdmin
import Jobs

/// `multiconnect jobs weigh`
struct JobsWeighCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weigh",
        abstract: "Sets how many jobs a tenant starts per turn. Other tenants start one.")

    @Option(help: ArgumentHelp("The tenant: an org id, or the tenant's UUID.", valueName: "org"))
    var tenant: String
    @Argument(help: "Jobs per turn, 1 to 100. 1 removes the weight.") var weight: Int
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var actor: ActorOption

    func validate() throws {
        guard TenantWeight.range.contains(weight) else {
            throw ValidationError("the weight is \(weight): it must be from 1 to 100")
        }
    }

    func run() async throws {
        try await JobsSession.open { [self] session in
            let organization = try await session.tenant(tenant)
            // The weight of a deleted tenant can be removed.
            let weights = weight == 1 ? try await session.jobs.tenantWeights() : []
            if !weights.contains(where: { $0.organizationID == organization }) {
                try await session.requireTenant(organization)
            }
            let isNew = try await session.jobs.weigh(organization, weight, by: actor.name)
            let name = PauseScope.tenant(organization).key
            guard !json else {
                let fields: [(String, JSONText)] = [
                    ("tenant", .string(organization.uuidString.lowercased())), ("weight", .number(weight)),
                    ("changed", .bool(isNew)),
                ]
                return print(JSONText.object(fields).text)
            }
            let turn = weight == 1 ? "one job per turn" : "\(weight) jobs per turn"
            print("\(name) \(isNew ? "now has" : "already had") \(turn)")
        }
    }
}

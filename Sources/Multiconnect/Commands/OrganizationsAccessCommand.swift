import Activity
import ArgumentParser
import Organizations
import Postgres
import Reactor
import Salesforce
import TenantAdmin

/// `multiconnect organizations access`
struct OrganizationsAccessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "access",
        abstract: "Prints the objects that a tenant's end users may reach, or changes them.",
        discussion: """
            Without any object, end users cannot log in. Their own rights in Salesforce apply in addition. \
            Verbs: read, query, create, update, delete. A new object is looked up in the org; if the org \
            does not answer, a warning says so. Exit status: 0 done; 64 invalid id or rule; 65 the org has \
            no such object; 66 no such tenant; 69 the database does not answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "Rules: Account=read,query allows both, Account=off ends the access to the object.")
    var rules: [String] = []
    @OptionGroup var actor: ActorOption

    func validate() throws {
        for rule in rules where EndUserAccess.Rule(rule) == nil {
            let verbs = EndUserVerb.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("'\(rule)' is not OBJECT=VERBS with the verbs \(verbs), or OBJECT=off")
        }
    }

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            let tenant = try await session.organization(organization)
            let id = tenant.id
            try await checkObjects(of: tenant, session)
            let access = try await session.pool.transaction { connection in
                let store = EndUserAccessStore(on: connection)
                for rule in rules.compactMap(EndUserAccess.Rule.init) { try await store.set(rule, of: id) }
                if !rules.isEmpty {
                    try await ActivityStore(on: connection).add(
                        "end_user_access_changed", by: actor.name, organization: id,
                        detail: rules.joined(separator: " "))
                }
                return try await store.access(of: id)
            }
            guard access.isOn else {
                print("End users have no access.")
                return
            }
            print(
                TextTable.text(["OBJECT", "VERBS"], access.rules.map { [$0.object.text, $0.text] }))
        }
    }

    /// Fails if the org does not have an object of the rules, or its integration user may not see it.
    private func checkObjects(of tenant: Organization, _ session: JobsSession) async throws {
        let known = try await session.pool.withConnection {
            try await EndUserAccessStore(on: $0).access(of: tenant.id)
        }
        let added = rules.compactMap(EndUserAccess.Rule.init).filter { rule in
            !rule.verbs.isEmpty && !known.rules.contains { $0.object.key == rule.object.key }
        }
        guard !added.isEmpty else { return }
        do {
            try await session.withOrgs { tenants in
                for rule in added where try await tenants.describe(rule.object.text, of: tenant) == nil {
                    throw CommandFailure(
                        "the org has no object \(rule.object.text), or its integration user may not see it",
                        code: CommandFailure.dataError)
                }
            }
        } catch let error as TenantAdminError where [.silentOrg, .noConsent].contains(error.code) {
            let names = added.map(\.object.text).joined(separator: ", ")
            StandardError.write("warning: not looked up in the org: \(names): \(error.description)\n")
        }
    }
}

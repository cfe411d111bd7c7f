import ArgumentParser
import Encoding
import FoundationEssentials
import Jobs
import Logging
import Organizations
import Postgres
import Reactor
import Replication
import Salesforce
internal import TenantSchema

/// `multiconnect verify`
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Compares a tenant's tables with its org, column by column.",
        discussion: """
            Reads all mapped fields from the org and prints the differences: the column, the number of rows, \
            and up to 10 records with both values. Records that differ are read a second time before they \
            count, because they may have changed during the read. Values that fit no column type, \
            quarantined rows and local changes that are not sent are listed, and are no differences. Exit \
            status: 0 equal; 1 different; 64 wrong arguments; 65 --repair of a paused tenant; 66 no such \
            tenant or object; 69 a database or the org does not answer; 78 settings are missing or invalid, \
            such as another SECRET; 70 any other failure.
            """)

    /// Any other failure than those of `CommandFailure` (EX_SOFTWARE), because 1 means different.
    private static let software: Int32 = 70

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "An object's API name. Without it, all imported objects.") var object: String?
    @Flag(help: "Have records that differ read again, wait for them, and compare again.") var repair = false
    @Flag(help: "With --repair: also remove rows if they are more than the limit.") var confirm = false
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard repair || !confirm else { throw ValidationError("--confirm needs --repair") }
    }

    func run() async throws {
        try await Launch.start("verify") { [self] launch in
            do {
                guard try await verify(launch) else { throw ExitCode(1) }
            } catch let exit as ExitCode {
                throw exit
            } catch let problems as ConfigurationProblems {
                throw problems
            } catch {
                let failure = Self.failure(error)
                StandardError.write("multiconnect verify: \(failure.message)\n")
                throw ExitCode(failure.code)
            }
        }
    }

    /// True if all objects are equal.
    private func verify(_ launch: Launch) async throws -> Bool {
        let budget = try launch.budget(reserved: 0)
        let usage = APIUsage()
        let services = try LoopServices(launch, budget: budget, usage: usage, tallies: JobTallies())
        defer { services.close() }
        let handlers = JobHandlers(
            launch: launch, services: services, mappings: try launch.mappings(), budget: budget)
        let verifier = try handlers.verifier()
        let tenant = try await JobsSession.tenant(organization, in: services.control)
        if repair { try await checkPause(of: tenant, services.control) }
        let mappings = try await verifier.mappings(of: tenant, object: object)
        if mappings.isEmpty {
            let what = object.map { "no mapping of the object \($0)" } ?? "no imported object"
            throw CommandFailure("\(organization) has \(what)", code: CommandFailure.noInput)
        }
        var documents: [JSONText] = []
        var isEqual = true
        for (index, mapping) in mappings.enumerated() {
            let bar = ProgressBar("verify \(mapping.objectName)")
            bar.show(done: index, total: mappings.count)
            defer { bar.clear() }
            guard let result = try await verify(mapping, verifier) else {
                throw CommandFailure(
                    "\(mapping.objectName) is not imported, or the org has no such object",
                    code: CommandFailure.noInput)
            }
            bar.clear()
            isEqual = isEqual && result.isEqual
            if json {
                documents.append(VerificationText.json(result))
            } else {
                print(VerificationText.text(result))
            }
        }
        try? await usage.flush(to: services.control)
        if json {
            print(JSONText.object([("equal", .bool(isEqual)), ("objects", .array(documents))]).text)
        }
        return isEqual
    }

    /// Records of a paused tenant are not read again, so that the wait for them would not end.
    private func checkPause(of tenant: UUID, _ control: PostgresPool) async throws {
        let found = try await control.withConnection { try await OrganizationStore(on: $0).find(id: tenant) }
        guard found?.status == .paused else { return }
        throw CommandFailure(
            "\(organization) is paused: --repair works after `multiconnect organizations resume "
                + "\(organization)`", code: CommandFailure.dataError)
    }

    private func verify(_ mapping: Mapping, _ verifier: Verifier) async throws -> Verification? {
        guard repair else { return try await verifier.verify(mapping) }
        let first = try await verifier.verify(mapping, repair: confirm ? .confirmed : .request)
        guard let first, first.requested > 0 || first.isReloaded else { return first }
        if !json {
            let what =
                first.isReloaded ? "the object is reloaded" : "\(first.requested) records are read again"
            print("\(first.objectName): \(what)")
        }
        let isDone = try await verifier.waitForCorrections(of: mapping)
        if !isDone { StandardError.write("\(first.objectName): some records still wait to be read again\n") }
        var second = try await verifier.verify(mapping)
        second?.requested = first.requested
        second?.isReloaded = first.isReloaded
        second?.withheld = first.withheld
        second?.isConfirmable = first.isConfirmable
        return second
    }

    private static func failure(_ error: any Error) -> CommandFailure {
        switch error {
        case let failure as CommandFailure: return failure
        case let error as PostgresError where error.isTransient || error.isConnectionLoss:
            return CommandFailure("a database does not answer: \(error)", code: CommandFailure.unavailable)
        case let error as SalesforceError where error.isTransient:
            return CommandFailure("the org does not answer: \(error)", code: CommandFailure.unavailable)
        case let error as SalesforceError:
            return CommandFailure(error.debugDescription, code: software)
        case let error as OrganizationsError
        where [.wrongSecret, .unreadableCredential].contains(error.code):
            return CommandFailure("\(error)", code: ConfigurationProblems.exitCode)
        default: return CommandFailure("\(error)", code: software)
        }
    }
}

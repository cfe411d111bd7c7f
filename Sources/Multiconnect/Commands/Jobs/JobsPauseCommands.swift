import ArgumentParser
import Encoding
import FoundationEssentials
import JobAdmin
import Jobs
import Reactor

/// The option that selects the jobs to pause.
struct PauseScopeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The queue.", valueName: "name")) var queue: String?
    @Option(name: .customLong("class"), help: ArgumentHelp("The class.", valueName: "name")) var className:
        String?
    @Option(help: ArgumentHelp("The tenant: an org id, or the tenant's UUID.", valueName: "org"))
    var tenant: String?

    func validate() throws {
        guard [queue, className, tenant].count(where: { $0 != nil }) == 1 else {
            throw ValidationError("give one of --queue, --class and --tenant")
        }
        let key = queue.map { "queue:\($0)" } ?? className.map { "class:\($0)" }
        if let key, PauseScope(key: key) == nil {
            throw ValidationError("\(key.debugDescription) is not a valid name")
        }
    }

    func scope(_ session: JobsSession) async throws -> PauseScope {
        if let queue { return .queue(queue) }
        if let className { return .class(className) }
        return .tenant(try await session.tenant(tenant ?? ""))
    }
}

/// `multiconnect jobs pause`
struct JobsPauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Holds the jobs of a queue, a class or a tenant. Running jobs continue.")

    @OptionGroup var scope: PauseScopeOptions
    @Option(help: ArgumentHelp("The reason, which is recorded.", valueName: "text")) var reason: String?
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var actor: ActorOption

    private static let longestReason = 1000

    func validate() throws {
        guard let reason else { return }
        guard (1...Self.longestReason).contains(reason.unicodeScalars.count) else {
            throw ValidationError("--reason must have 1 to \(Self.longestReason) characters")
        }
    }

    func run() async throws {
        try await JobsSession.open { [self] session in
            let scope = try await scope.scope(session)
            if case .tenant(let id) = scope { try await session.requireTenant(id) }
            let isNew = try await session.jobs.pause(scope, by: actor.name, reason: reason)
            // Called after the pause, so that the pause is stored even if the search for known names fails.
            let warning = try? await session.jobs.warning(about: scope)
            guard !json else {
                let fields: [(String, JSONText)] = [
                    ("scope", .string(scope.key)), ("changed", .bool(isNew)), ("warning", .optional(warning)),
                ]
                return print(JSONText.object(fields).text)
            }
            if let warning { StandardError.write("multiconnect jobs: \(warning)\n") }
            print(isNew ? "\(scope) is paused" : "\(scope) was already paused")
        }
    }
}

/// `multiconnect jobs resume`
struct JobsResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Ends a pause and requeues the held jobs.")

    @OptionGroup var scope: PauseScopeOptions
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open { [self] session in
            let scope = try await scope.scope(session)
            guard try await session.jobs.resume(scope, by: actor.name) else {
                throw CommandFailure("\(scope) is not paused", code: CommandFailure.noInput)
            }
            guard !json else {
                return print(JSONText.object([("scope", .string(scope.key)), ("changed", .bool(true))]).text)
            }
            print("\(scope) is resumed")
        }
    }
}

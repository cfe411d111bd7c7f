import ArgumentParser
import Encoding
import FoundationEssentials
import Jobs
import Reactor

/// The option that says what is paused.
struct PauseScopeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The queue.", valueName: "name")) var queue: String?
    @Option(name: .customLong("class"), help: ArgumentHelp("The class.", valueName: "name")) var className:
        String?
    @Option(help: ArgumentHelp("The tenant: an org id, or the tenant's own id.", valueName: "org"))
    var tenant: String?

    func validate() throws {
        guard [queue, className, tenant].count(where: { $0 != nil }) == 1 else {
            throw ValidationError("say one of --queue, --class and --tenant")
        }
        let key = queue.map { "queue:\($0)" } ?? className.map { "class:\($0)" }
        if let key, PauseScope(key: key) == nil {
            throw ValidationError("there can be no \(key.debugDescription)")
        }
    }

    func scope(_ desk: JobsDesk) async throws -> PauseScope {
        if let queue { return .queue(queue) }
        if let className { return .class(className) }
        return .tenant(try await desk.tenant(tenant ?? ""))
    }
}

/// `multiconnect jobs pause`
struct JobsPauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Starts no more jobs of a queue, a class or a tenant; running ones go on.")

    @OptionGroup var scope: PauseScopeOptions
    @Option(help: ArgumentHelp("Why, for the record.", valueName: "text")) var reason: String?
    @Flag(help: "As JSON.") var json = false
    @OptionGroup var actor: ActorOption

    private static let longestReason = 1000

    func validate() throws {
        guard let reason else { return }
        guard (1...Self.longestReason).contains(reason.unicodeScalars.count) else {
            throw ValidationError("--reason takes 1 to \(Self.longestReason) characters")
        }
    }

    func run() async throws {
        try await JobsDesk.open { [self] desk in
            let scope = try await scope.scope(desk)
            if case .tenant(let id) = scope { try await desk.requireTenant(id) }
            let isNew = try await desk.jobs.pause(scope, by: actor.name, reason: reason)
            // After the pause, which holds whatever becomes of the search for known names.
            let warning = try? await desk.jobs.warning(about: scope)
            guard !json else {
                let fields: [(String, JSONText)] = [
                    ("scope", .string(scope.key)), ("changed", .bool(isNew)), ("warning", .optional(warning)),
                ]
                return print(JSONText.object(fields).text)
            }
            if let warning { StandardError.write("multiconnect jobs: \(warning)\n") }
            print(isNew ? "\(scope) is paused" : "\(scope) is paused already")
        }
    }
}

/// `multiconnect jobs resume`
struct JobsResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Ends a pause: what it held is queued again.")

    @OptionGroup var scope: PauseScopeOptions
    @Flag(help: "As JSON.") var json = false
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsDesk.open { [self] desk in
            let scope = try await scope.scope(desk)
            guard try await desk.jobs.resume(scope, by: actor.name) else {
                throw CommandFailure("\(scope) is not paused", code: CommandFailure.noInput)
            }
            guard !json else {
                return print(JSONText.object([("scope", .string(scope.key)), ("changed", .bool(true))]).text)
            }
            print("\(scope) goes on")
        }
    }
}

import ArgumentParser
import FoundationEssentials
import JobAdmin
import Jobs

/// The options of a job filter.
struct JobFilterOptions: ParsableArguments {
    @Option(
        name: .customLong("state"),
        help: ArgumentHelp(
            "A state. May be repeated.",
            valueName: "state"))
    var states: [JobState] = []

    @Option(help: ArgumentHelp("The tenant: an org id, or the tenant's UUID.", valueName: "org"))
    var tenant: String?

    @Option(name: .customLong("class"), help: ArgumentHelp("The exact name of the class.", valueName: "name"))
    var className: String?

    @Option(help: ArgumentHelp("The exact name of the queue.", valueName: "name"))
    var queue: String?

    @Option(
        help: ArgumentHelp("Part of the error's class or text, in upper or lower case.", valueName: "text"))
    var error: String?

    @Option(
        name: .customLong("args"),
        help: ArgumentHelp("Part of the arguments' JSON, in upper or lower case.", valueName: "text"))
    var arguments: String?

    @Option(
        help: ArgumentHelp(
            "Only jobs since this time: 30m, 2h or 7d (ago), or 2026-11-21T08:00:00Z. The time of a job is "
                + "when it ended, started or is due, depending on its state.", valueName: "time"))
    var since: PointInTime?

    @Option(help: ArgumentHelp("Only jobs before this time, in the form of --since.", valueName: "time"))
    var until: PointInTime?

    /// Refuses empty values, so that an unset variable of a script does not select all jobs.
    func validate() throws {
        let texts = [
            ("tenant", tenant), ("class", className), ("queue", queue), ("error", error), ("args", arguments),
        ]
        for (name, text) in texts where text?.isEmpty == true {
            throw ValidationError("--\(name) is empty")
        }
    }

    /// The filter. Looks up the tenant.
    func filter(_ session: JobsSession) async throws -> JobFilter {
        var filter = JobFilter()
        filter.states = Set(states)
        if let tenant { filter.organizationID = try await session.tenant(tenant) }
        filter.className = className
        filter.queue = queue
        filter.error = error
        filter.arguments = arguments
        filter.since = since?.date
        filter.until = until?.date
        return filter
    }

    /// Whether no option is set.
    var isEmpty: Bool {
        states.isEmpty && [tenant, className, queue, error, arguments].allSatisfy { $0 == nil }
            && since == nil && until == nil
    }
}

/// The time limit of a search that no index supports.
struct SearchTime: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long to search for matching jobs, or to count them before an action. The action itself has "
                + "no time limit.",
            valueName: "seconds"))
    var within = 1

    func validate() throws {
        guard (1...86_400).contains(within) else {
            throw ValidationError("--within is \(within): it must be a number of seconds from 1 to 86400")
        }
    }

    var duration: Duration { .seconds(within) }
}

extension JobState: ExpressibleByArgument {}
extension JobOrder: ExpressibleByArgument {}

extension PointInTime: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument, now: Date()) }
}

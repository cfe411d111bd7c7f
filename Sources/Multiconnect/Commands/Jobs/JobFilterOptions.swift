import ArgumentParser
import FoundationEssentials
import Jobs

/// The options that say which jobs are meant.
struct JobFilterOptions: ParsableArguments {
    @Option(
        name: .customLong("state"),
        help: ArgumentHelp(
            "queued, scheduled, running, retry, held, done, dead or cancelled; may be given several times.",
            valueName: "state"))
    var states: [JobState] = []

    @Option(help: ArgumentHelp("The tenant: an org id, or the tenant's own id.", valueName: "org"))
    var tenant: String?

    @Option(name: .customLong("class"), help: ArgumentHelp("The class, exactly.", valueName: "name"))
    var className: String?

    @Option(help: ArgumentHelp("The queue, exactly.", valueName: "name"))
    var queue: String?

    @Option(help: ArgumentHelp("A part of the error's class or text, whatever its case.", valueName: "text"))
    var error: String?

    @Option(
        name: .customLong("args"),
        help: ArgumentHelp("A part of the arguments' JSON, whatever its case.", valueName: "text"))
    var arguments: String?

    @Option(
        help: ArgumentHelp(
            "Not before: 30m, 2h or 7d ago, or a time such as 2026-11-21T08:00:00Z. It is compared with when a "
                + "job ended, was started, or is due, as its state says.", valueName: "time"))
    var since: PointInTime?

    @Option(help: ArgumentHelp("Before: as --since.", valueName: "time"))
    var until: PointInTime?

    /// A script's variable that is not set must not mean all jobs.
    func validate() throws {
        let texts = [
            ("tenant", tenant), ("class", className), ("queue", queue), ("error", error), ("args", arguments),
        ]
        for (name, text) in texts where text?.isEmpty == true {
            throw ValidationError("--\(name) is empty")
        }
    }

    /// The filter, with the tenant looked up.
    func filter(_ desk: JobsDesk) async throws -> JobFilter {
        var filter = JobFilter()
        filter.states = Set(states)
        if let tenant { filter.organizationID = try await desk.tenant(tenant) }
        filter.className = className
        filter.queue = queue
        filter.error = error
        filter.arguments = arguments
        filter.since = since?.date
        filter.until = until?.date
        return filter
    }

    /// Whether nothing is said of which jobs are meant.
    var isEmpty: Bool {
        states.isEmpty && [tenant, className, queue, error, arguments].allSatisfy { $0 == nil }
            && since == nil
            && until == nil
    }
}

/// How long a command looks for jobs that no index finds.
struct SearchTime: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long to look for jobs that fit, or to count them before an action, which itself goes on to its end.",
            valueName: "seconds"))
    var within = 1

    func validate() throws {
        guard (1...86_400).contains(within) else {
            throw ValidationError("--within is a number of seconds from 1 to 86400")
        }
    }

    var duration: Duration { .seconds(within) }
}

extension JobState: ExpressibleByArgument {}
extension JobOrder: ExpressibleByArgument {}

extension PointInTime: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument, now: Date()) }
}

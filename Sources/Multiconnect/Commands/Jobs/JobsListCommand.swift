import ArgumentParser
import Encoding
import FoundationEssentials
import Jobs
import Reactor

/// `multiconnect jobs list`
struct JobsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Jobs that fit a filter.",
        discussion: "Waiting jobs come the next first, others the latest first.")

    @OptionGroup var filter: JobFilterOptions
    @Option(help: "oldest or newest: which come first.") var order: JobOrder?
    @Option(help: "How many, at most 1000.") var limit = 50
    @Option(help: ArgumentHelp("Go on where a page ended: what it called `next`.", valueName: "position"))
    var after: String?
    @OptionGroup var time: SearchTime
    @Flag(help: "As JSON.") var json = false

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit is a number from 1 to 1000") }
        guard after == nil || after.flatMap(JobPosition.init) != nil else {
            throw ValidationError("--after is not a position that a page has named")
        }
    }

    func run() async throws {
        try await JobsDesk.open { [self] desk in
            let page = try await desk.jobs.list(
                try await filter.filter(desk), beyond: after.flatMap(JobPosition.init), order: order,
                limit: limit, within: time.duration)
            guard !json else { return print(JobsJSON.page(page, desk.jobs.mask).text) }
            if !page.jobs.isEmpty {
                print(JobsText.jobs(page.jobs, of: try await desk.organizations(of: page.jobs), now: Date()))
            }
            if let rest = JobsText.rest(of: page) { StandardError.write(rest + "\n") }
        }
    }
}

/// `multiconnect jobs show`
struct JobsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One job: its arguments, attempts, error and timeline.")

    @Argument(help: "The job's id.") var id: JobID
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
        try await JobsDesk.open { [self] desk in
            guard let detail = try await desk.jobs.find(id) else {
                throw CommandFailure("there is no job \(id)", code: CommandFailure.noInput)
            }
            let mask = desk.jobs.mask
            print(json ? JobsJSON.detail(detail, mask).text : JobsText.detail(detail, mask, now: Date()))
        }
    }
}

extension JobID: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}

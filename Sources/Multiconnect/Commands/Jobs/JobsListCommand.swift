import ArgumentParser
import Encoding
import FoundationEssentials
import JobAdmin
import Jobs
import Reactor

/// `multiconnect jobs list`
struct JobsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists jobs that match a filter.",
        discussion:
            "Open jobs are sorted by due time, the next one first. Ended jobs are sorted the latest first.")

    @OptionGroup var filter: JobFilterOptions
    @Option(help: "oldest or newest: which jobs come first.") var order: JobOrder?
    @Option(help: "The number of jobs, at most 1000.") var limit = 50
    @Option(help: ArgumentHelp("Continue after a page: the position that it printed.", valueName: "position"))
    var after: String?
    @OptionGroup var time: SearchTime
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (1...1000).contains(limit) else {
            throw ValidationError("--limit is \(limit): it must be from 1 to 1000")
        }
        guard after == nil || after.flatMap(JobPosition.init) != nil else {
            throw ValidationError("--after is not a position that a page has printed")
        }
    }

    func run() async throws {
        try await JobsSession.open { [self] session in
            let page = try await session.jobs.list(
                try await filter.filter(session), beyond: after.flatMap(JobPosition.init), order: order,
                limit: limit, within: time.duration)
            guard !json else { return print(JobsJSON.page(page, session.jobs.mask).text) }
            if !page.jobs.isEmpty {
                print(
                    JobsText.jobs(page.jobs, of: try await session.organizations(of: page.jobs), now: Date()))
            }
            if let rest = JobsText.rest(of: page) { StandardError.write(rest + "\n") }
        }
    }
}

/// `multiconnect jobs show`
struct JobsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows one job: arguments, attempts, error and timeline.")

    @Argument(help: "The job's id.") var id: JobID
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await JobsSession.open { [self] session in
            guard let detail = try await session.jobs.find(id) else {
                throw CommandFailure("there is no job \(id)", code: CommandFailure.noInput)
            }
            let mask = session.jobs.mask
            print(json ? JobsJSON.detail(detail, mask).text : JobsText.detail(detail, mask, now: Date()))
        }
    }
}

extension JobID: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}

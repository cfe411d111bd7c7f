import ArgumentParser
import FoundationEssentials
import HTTPClient
import Organizations
import Postgres
import Tweets

/// `multiconnect example`
struct ExampleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "example", abstract: "Runs the example of an application that uses tenants' tables.",
        subcommands: [ExampleTweetsCommand.self])
}

/// `multiconnect example tweets`
struct ExampleTweetsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tweets",
        abstract: "Finds popular posts about tenants' accounts and writes them to Tweet__c.",
        discussion: """
            Asks the X API for some accounts of each live tenant. Needs X_BEARER_TOKEN. Suits a scheduler, \
            such as Heroku's; the workers do the same each hour. Exit status: 0 done; 64 invalid id; 65 the \
            tenant has no suitable tables; 66 no such tenant; 69 a database or the X API does not answer; \
            78 X_BEARER_TOKEN is missing.
            """)

    @Option(help: "The org id of one tenant. Default: all.") var organization: String?

    func run() async throws {
        try await JobsSession.open("example") { [self] session in
            let configuration = session.launch.configuration
            let http = HTTPClient()
            guard let search = configuration.tweets?.search(http) else {
                throw CommandFailure(
                    "X_BEARER_TOKEN is missing: set it to the bearer token of your app at X",
                    code: ConfigurationProblems.exitCode)
            }
            try await session.withCells { cells in
                let finder = TweetFinder(
                    control: session.pool, cells: cells, queue: session.queue, search: search)
                try await find(finder, session)
            }
        }
    }

    private func find(_ finder: TweetFinder, _ session: JobsSession) async throws {
        var ids: [UUID] = []
        if let organization {
            ids = [try await session.organization(organization).id]
        } else {
            ids = try await finder.tenants()
        }
        for id in ids {
            do {
                let changed = try await finder.run(id)
                print("\(id.uuidString.lowercased())  \(changed) rows")
            } catch let error as TweetsError {
                // One tenant without the tables does not end the run for all.
                if organization == nil, error.code == .notMapped { continue }
                throw CommandFailure(
                    error.description,
                    code: error.code == .notMapped ? CommandFailure.dataError : CommandFailure.unavailable)
            }
        }
    }
}

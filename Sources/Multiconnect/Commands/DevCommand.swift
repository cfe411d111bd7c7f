import ArgumentParser
import FoundationEssentials
import Logging
import Reactor

/// `multiconnect dev`
struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract:
            "Everything on this machine: private Postgres and Redis, the org simulator, web and worker.",
        discussion: """
            Plays each org's install and consent over HTTP, shows what arrives, and stays up until Ctrl-C. \
            It keeps to a temporary directory and leaves nothing behind.
            """)

    @Option(help: "Customer orgs.") var orgs = 3
    @Option(help: "Accounts of each org.") var accounts = 10_000
    @Option(help: "Contacts of each org.") var contacts = 10_000
    @Option(help: "Tweet__c records of each org.") var tweets = 500
    @Option(help: "What the data is generated from.") var seed: UInt64 = 1
    @Option(help: "The mapping file.") var mapping = "config/mapping.json"
    @Option(help: "Seconds until it gives up waiting for the rows.") var timeout = 600
    @Flag(help: "End when all rows are there, with status 0; with 1 if they do not come.") var exit = false
    @Flag(help: "Install and consent for nobody: only start everything.") var idle = false
    @Flag(help: "Generate plain values only.") var plain = false

    func validate() throws {
        try OrgSimulatorCommand.check(orgs: orgs, accounts: accounts, contacts: contacts, tweets: tweets)
        guard timeout > 0 else { throw ValidationError("--timeout is \(timeout): it must be at least 1") }
    }

    func run() async throws {
        // SIGHUP: the terminal was closed.
        SignalSource.claim([.terminate, .interrupt, .hangup])
        LoggingSystem.bootstrap { LogfmtHandler(label: $0, level: .warning) }
        let options = DevelopmentOptions(
            orgs: orgs, accounts: accounts, contacts: contacts, tweets: tweets, seed: seed, mapping: mapping,
            patience: .seconds(timeout), endsWhenDone: exit, isIdle: idle, isPlain: plain)
        let isComplete = try await EventLoop(name: "dev").run {
            try await DevelopmentEnvironment(options: options).run()
        }
        if !isComplete { throw ExitCode.failure }
    }
}

import ArgumentParser
import FoundationEssentials
import Logging
import Reactor

/// `multiconnect dev`
struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract:
            "Runs everything on this machine: private Postgres and Redis, org simulator, web and worker.",
        discussion: """
            Simulates the installation and consent of each org over HTTP, shows the imported rows, and runs \
            until Ctrl-C. All files are in a temporary directory, which is removed at the end.
            """)

    @Option(help: "Number of customer orgs.") var orgs = 3
    @Option(help: "Accounts per org.") var accounts = 10_000
    @Option(help: "Contacts per org.") var contacts = 10_000
    @Option(help: "Tweet__c records per org.") var tweets = 500
    @Option(help: "Seed of the generated data.") var seed: UInt64 = 1
    @Option(help: "The mapping file.") var mapping = "config/mapping.json"
    @Option(help: "Seconds to wait for all rows.") var timeout = 600
    @Flag(help: "Exit after the import: with 0 if all rows arrived, else with 1.") var exit = false
    @Flag(help: "Only start the processes, without installation and consent.") var idle = false
    @Flag(help: "Simulate Salesforce over https.") var tls = false
    @Flag(help: "Generate only values that psql's \\copy accepts.") var plain = false

    @Option(help: "With --plain: the number of orgs, counted from the last, with awkward values.")
    var awkward = 0

    func validate() throws {
        try OrgSimulatorCommand.check(orgs: orgs, accounts: accounts, contacts: contacts, tweets: tweets)
        try OrgSimulatorCommand.check(awkward: awkward, of: orgs)
        guard timeout > 0 else { throw ValidationError("--timeout is \(timeout): it must be at least 1") }
    }

    func run() async throws {
        // SIGHUP arrives when the terminal is closed.
        SignalSource.claim([.terminate, .interrupt, .hangup])
        LoggingSystem.bootstrap { LogfmtHandler(label: $0, level: .warning) }
        let options = DevelopmentOptions(
            orgs: orgs, accounts: accounts, contacts: contacts, tweets: tweets, seed: seed, mapping: mapping,
            timeout: .seconds(timeout), endsWhenDone: exit, isIdle: idle, isPlain: plain,
            awkwardOrgs: awkward, isEncrypted: tls)
        let isComplete = try await EventLoop(name: "dev").run {
            try await DevelopmentEnvironment(options: options).run()
        }
        if !isComplete { throw ExitCode.failure }
    }
}

import ArgumentParser
import Logging
import OrgSimulator
import Reactor
import TLS

/// `multiconnect org-simulator`
struct OrgSimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "org-simulator",
        abstract:
            "Simulates Salesforce orgs on loopback, with generated data: OAuth, REST, Bulk 2.0 and CometD."
    )

    @Option(help: "The port on 127.0.0.1; 0 lets the system choose one.") var port: UInt16 = 8090
    @Option(help: "Number of orgs, all on this port, each with its own users, tokens and data.") var orgs = 3
    @Option(help: "Accounts per org.") var accounts = 10_000
    @Option(help: "Contacts per org.") var contacts = 10_000
    @Option(help: "Tweet__c records per org.") var tweets = 500
    @Option(help: "Seed of the generated data: the same seed gives the same data.") var seed: UInt64 = 1
    @Option(help: "Consumer key that clients must send.") var clientID = "simulator-client"
    @Option(help: "Consumer secret that clients must send.") var clientSecret = "simulator-secret"
    @Option(help: "Namespace of the package's Apex class. Without it the class is unmanaged.") var namespace:
        String?
    @Flag(help: "Answer each refresh with a new refresh token.") var rotation = false
    @Flag(help: "Generate only values that psql's \\copy accepts.") var plain = false
    @Option(help: "With --plain: the number of orgs, counted from the last, with awkward values.")
    var awkward = 0
    @Option(help: "Change events come 0 to this many milliseconds after their commit.") var eventDelay = 0
    @Option(help: "Events that subscribers of an org may get in 24 hours.") var deliveredEvents = 50_000
    @Option(help: "API calls that an org may get in 24 hours.") var dailyRequests = 100_000
    @Flag(help: "Record API writes for /simulator/orgs/<org>/writes.") var recordWrites = false
    @Option(help: "Number of event loops.") var loops = 1
    @Option(help: "PEM file with a certificate for localhost, to serve https://localhost:<port>.")
    var tlsCertificate: String?
    @Option(help: "PEM file with the certificate's private key.") var tlsKey: String?

    /// Throws if a number is too small.
    static func check(orgs: Int, accounts: Int, contacts: Int, tweets: Int) throws {
        guard orgs > 0 else { throw ValidationError("--orgs is \(orgs): it must be at least 1") }
        for (name, rows) in [("accounts", accounts), ("contacts", contacts), ("tweets", tweets)]
        where rows < 0 {
            throw ValidationError("--\(name) is \(rows): it must be at least 0")
        }
    }

    /// Throws unless some of the orgs, or none, have awkward values.
    static func check(awkward: Int, of orgs: Int) throws {
        guard (0...orgs).contains(awkward) else {
            throw ValidationError("--awkward is \(awkward): it must be from 0 to the number of orgs")
        }
    }

    func validate() throws {
        try Self.check(orgs: orgs, accounts: accounts, contacts: contacts, tweets: tweets)
        try Self.check(awkward: awkward, of: orgs)
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("give both --tls-certificate and --tls-key, or neither")
        }
    }

    func run() async throws {
        SignalSource.claim([.terminate, .interrupt])
        LoggingSystem.bootstrap { LogfmtHandler(label: $0, level: .warning) }
        var settings = SimulatorConfiguration()
        settings.orgs = orgs
        settings.accounts = accounts
        settings.contacts = contacts
        settings.tweets = tweets
        settings.seed = seed
        settings.clientID = clientID
        settings.clientSecret = clientSecret
        settings.namespace = namespace
        settings.rotatesRefreshTokens = rotation
        settings.eventDelayMilliseconds = eventDelay
        settings.dailyDeliveredEvents = deliveredEvents
        settings.dailyRequests = dailyRequests
        settings.recordsWrites = recordWrites
        if plain {
            settings.hasAwkwardTexts = false
            settings.assumptions.integersWithPoint = 0
            settings.awkwardOrgs = Set((orgs - awkward..<orgs).map { $0 + 1 })
        }
        var credentials: TLSContext?
        if let tlsCertificate, let tlsKey {
            credentials = try TLSContext.server(certificateFile: tlsCertificate, keyFile: tlsKey)
        }
        try await SimulatorProcess(settings: settings, port: port, loops: loops, credentials: credentials)
            .run()
    }
}

/// The simulator on its loops. A signal ends it.
struct SimulatorProcess: Sendable {
    let settings: SimulatorConfiguration
    let port: UInt16
    let loops: Int
    /// Nil for HTTP without TLS.
    let credentials: TLSContext?

    func run() async throws {
        let loops = (0..<max(1, loops)).map { EventLoop(name: "simulator-\($0)") }
        try await loops[0].run { try await serve(on: loops) }
    }

    private func serve(on loops: [EventLoop]) async throws {
        let first = try Listener.tcp(host: "127.0.0.1", port: port, sharing: loops.count > 1 ? .first : .none)
        // A certificate usually names a host, not an address.
        let origin =
            credentials == nil ? "http://\(first.address)" : "https://localhost:\(first.address.port)"
        var settings = settings
        settings.origin = origin
        let simulator = Simulator(settings)
        StandardOutput.write(line: "org simulator at \(origin)")
        for org in simulator.orgs {
            StandardOutput.write(line: "  \(org.id)  \(org.name)  \(org.usernames.joined(separator: " "))")
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await simulator.serve(on: first, credentials: credentials) }
            for loop in loops.dropFirst() {
                group.addTask(executorPreference: loop) {
                    try await simulator.serve(
                        on: Listener.tcp(host: "127.0.0.1", port: first.address.port, sharing: .further),
                        credentials: credentials)
                }
            }
            group.addTask {
                let signals = try SignalSource()
                defer { signals.close() }
                _ = try await signals.next()
            }
            defer { group.cancelAll() }
            try await group.next()
            group.cancelAll()
            do {
                while try await group.next() != nil {}
            } catch is CancellationError {}
        }
    }
}

import Cryptography
import Encoding
import FoundationEssentials
import HTTPClient
import Organizations
import Postgres
import Reactor
import Redis

/// The options of `multiconnect dev`.
struct DevelopmentOptions: Sendable {
    var orgs: Int
    var accounts: Int
    var contacts: Int
    var tweets: Int
    var seed: UInt64
    var mapping: String
    var timeout: Duration
    var endsWhenDone: Bool
    var isIdle: Bool
    var isPlain: Bool
    /// Orgs with awkward values, counted from the last, if `isPlain`.
    var awkwardOrgs: Int
    /// True if the simulator serves https.
    var isEncrypted: Bool
}

/// Starts all parts on one machine, simulates the installations, and shows the imported rows.
struct DevelopmentEnvironment: Sendable {
    /// A part did not become ready in time.
    struct NotReady: Error, CustomStringConvertible {
        let part: String
        var reason = ""

        var description: String { "\(part) is not ready" + (reason.isEmpty ? "" : ":\n\(reason)") }
    }

    let options: DevelopmentOptions

    /// Runs until a signal, or with `endsWhenDone` until all rows have arrived. Returns whether all rows
    /// arrived.
    func run() async throws -> Bool {
        let guarded = try await DevelopmentGuard.make()
        return try await guarded.run { try await run(guarded) }
    }

    private func run(_ guarded: DevelopmentGuard) async throws -> Bool {
        let directory = guarded.directory
        let session = try DevelopmentSession(options: options, guarded: guarded)
        return try await withThrowingTaskGroup(of: Bool?.self) { group in
            group.addTask { try await session.run() }
            group.addTask {
                let signals = try SignalSource()
                defer { signals.close() }
                _ = try await signals.next()
                return nil
            }
            defer { group.cancelAll() }
            let first = try await group.next() ?? nil
            group.cancelAll()
            if first == nil {
                StandardOutput.write(line: "\nstopping, and removing \(directory)")
            }
            do {
                while try await group.next() != nil {}
            } catch is CancellationError {}
            return first ?? !options.endsWhenDone
        }
    }
}

/// One run of the development environment in its directory.
struct DevelopmentSession: Sendable {
    private static let key = "simulator-client"
    private static let secret = "simulator-secret"
    /// Settings that a caller may give to the programs.
    private static let inherited = ["WORKER_CONCURRENCY", "DATABASE_CONNECTIONS"]

    let options: DevelopmentOptions
    let guarded: DevelopmentGuard
    let servers: DevelopmentServers
    private let webPort: UInt16
    private let simulatorPort: UInt16
    private let sealingKey: String
    /// The package's secret, which signs registrations.
    private let callbackSecret: String

    init(options: DevelopmentOptions, guarded: DevelopmentGuard) throws {
        self.options = options
        self.guarded = guarded
        servers = try DevelopmentServers(guarded: guarded)
        webPort = try DevelopmentServers.freePort()
        simulatorPort = try DevelopmentServers.freePort()
        sealingKey = try SecretKey.generate().revealText()
        callbackSecret = Hex.encode(try randomBytes(32))
    }

    private var directory: String { guarded.directory }
    private var applicationURL: String { "http://127.0.0.1:\(webPort)" }
    private var simulatorURL: String {
        options.isEncrypted ? "https://localhost:\(simulatorPort)" : "http://127.0.0.1:\(simulatorPort)"
    }
    private var certificate: String { "\(directory)/certificate.pem" }
    private var certificateKey: String { "\(directory)/certificate-key.pem" }

    private var environment: [String: String] {
        var environment = [
            "DATABASE_URL": servers.databaseURL, "REDIS_URL": servers.redisURL, "SECRET": sealingKey,
            "SALESFORCE_KEY": Self.key, "SALESFORCE_SECRET": Self.secret,
            "SALESFORCE_LOGIN_URL": simulatorURL, "CALLBACK_SECRET": callbackSecret,
            "APP_URL": applicationURL, "PORT": "\(webPort)", "MAPPING_FILE": options.mapping,
            "SIDEKIQ_USERNAME": "operator", "SIDEKIQ_PASSWORD": "operator", "DATABASE_CONNECTIONS": "16",
            // Each simulated org calls from its own address.
            "TRUST_PROXY": "true",
        ]
        if options.isEncrypted { environment["SSL_CERT_FILE"] = certificate }
        for (name, value) in ProcessInfo.processInfo.environment where Self.inherited.contains(name) {
            environment[name] = value
        }
        return environment
    }

    private func program(_ name: String, _ arguments: [String], _ environment: [String: String])
        -> ChildProcess
    {
        // The resolved path: for the shell that starts the program, /proc/self/exe is the shell.
        let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return ChildProcess(
            name: name, program: own ?? ProcessInfo.processInfo.arguments[0], arguments: arguments,
            environment: environment,
            logFile: "\(directory)/\(name).log", workingDirectory: FileManager.default.currentDirectoryPath,
            registry: guarded.registry)
    }

    /// Returns whether all rows arrived. Without `endsWhenDone` it does not return.
    func run() async throws -> Bool {
        StandardOutput.write(line: "starting Postgres and Redis in \(directory)")
        try await servers.prepare()
        return try await withThrowingTaskGroup(of: Bool?.self) { group in
            // The servers must outlive the programs, so they are in the outer group.
            group.addTask {
                try await servers.postgres.run()
                return nil
            }
            group.addTask {
                try await servers.redis.run()
                return nil
            }
            group.addTask { try await runPrograms() }
            defer { group.cancelAll() }
            while let value = try await group.next() {
                if let value { return value }
            }
            return false
        }
    }

    private func runPrograms() async throws -> Bool {
        try await prepareDatabase()
        try await waitUntil("Redis", log: "redis") {
            try await RedisConnection.connect(RedisConfiguration(url: servers.redisURL)).close()
        }
        try await program("migrate", ["migrate"], environment).finish()
        if options.isEncrypted { try await makeCertificate() }
        return try await withThrowingTaskGroup(of: Bool?.self) { group in
            group.addTask {
                try await simulator.run()
                return nil
            }
            group.addTask {
                try await program("web", ["web"], environment).run()
                return nil
            }
            group.addTask {
                try await program("worker", ["worker"], environment).run()
                return nil
            }
            group.addTask { try await play() }
            defer { group.cancelAll() }
            while let value = try await group.next() {
                if let value { return value }
            }
            return false
        }
    }

    private var simulator: ChildProcess {
        program(
            "simulator",
            [
                "org-simulator", "--port", "\(simulatorPort)", "--orgs", "\(options.orgs)",
                "--accounts", "\(options.accounts)", "--contacts", "\(options.contacts)",
                "--tweets", "\(options.tweets)", "--seed", "\(options.seed)",
                "--client-id", Self.key, "--client-secret", Self.secret,
            ] + (options.isPlain ? ["--plain", "--awkward", "\(options.awkwardOrgs)"] : [])
                + (options.isEncrypted
                    ? ["--tls-certificate", certificate, "--tls-key", certificateKey] : []),
            [:])
    }

    /// A certificate for localhost, signed by itself.
    private func makeCertificate() async throws {
        let arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", certificateKey,
            "-out", certificate,
        ]
        try await ChildProcess(
            name: "openssl", program: "openssl", arguments: arguments, logFile: "\(directory)/openssl.log",
            workingDirectory: directory, registry: guarded.registry
        ).finish()
    }

    private func prepareDatabase() async throws {
        try await waitUntil("Postgres", log: "postgres") {
            let connection = try await PostgresConnection.connect(
                PostgresConfiguration(url: servers.maintenanceURL))
            defer { connection.close() }
            let exists = try await connection.query(
                "select 1 from pg_database where datname = 'multiconnect'")
            if exists.isEmpty { try await connection.script("create database multiconnect") }
        }
    }

    /// Repeats `attempt` until it succeeds, for at most 30 s. `log` is the name of the part's log.
    private func waitUntil(_ part: String, log: String, _ attempt: () async throws -> Void) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do {
                return try await attempt()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                guard .now < deadline else {
                    let lines = ChildProcess.lastLines(of: "\(directory)/\(log).log")
                    throw DevelopmentEnvironment.NotReady(part: part, reason: "\(error)\n\(lines)")
                }
                try await EventLoop.current.sleep(for: .milliseconds(100))
            }
        }
    }

    private func play() async throws -> Bool {
        var limits = HTTPClientLimits()
        if options.isEncrypted { limits.certificateFile = certificate }
        let http = HTTPClient(limits: limits)
        try await waitUntil("the web process", log: "web") {
            let answer = try await http.send(ClientRequest(url: applicationURL + "/readyz"))
            guard answer.status == 200 else {
                throw DevelopmentEnvironment.NotReady(part: "/readyz", reason: "status \(answer.status)")
            }
        }
        try await waitUntil("the org simulator", log: "simulator") {
            _ = try await SimulatedOrg.all(at: simulatorURL, http: http)
        }
        let pool = PostgresPool(
            configuration: try PostgresConfiguration(url: servers.databaseURL), maximum: 2)
        let progress = DevelopmentProgress(options: options, pool: pool)
        let installer = InstallationSimulator(
            applicationURL: applicationURL, simulatorURL: simulatorURL, http: http,
            callbackSecret: Secret(text: callbackSecret))
        let orgs = try await SimulatedOrg.all(at: simulatorURL, http: http)
        var isComplete = true
        if !options.isIdle {
            isComplete = try await progress.follow(orgs, simulator: installer)
            if isComplete, let org = orgs.first {
                let changes = DevelopmentChanges(
                    org: org, simulatorURL: simulatorURL, http: http, pool: pool)
                let writes = DevelopmentWrites(
                    org: org, simulatorURL: simulatorURL, http: http, pool: pool)
                isComplete = try await changes.show()
                isComplete = try await writes.show() && isComplete
                let canvas = DevelopmentCanvas(
                    org: org, applicationURL: applicationURL, simulatorURL: simulatorURL, http: http)
                isComplete = try await canvas.show() && isComplete
                isComplete = try await DevelopmentEvents(org: org, pool: pool).show() && isComplete
            }
        }
        if options.endsWhenDone { return isComplete }
        try writeEnvironment()
        StandardOutput.write(line: guide)
        try await EventLoop.current.sleep(for: .seconds(3600 * 24 * 365))
        return isComplete
    }

    /// Writes the settings to a file, for scripts.
    private func writeEnvironment() throws {
        var lines = environment.map { "export \($0.key)='\($0.value)'" }.sorted()
        lines.append("export SIMULATOR_URL='\(simulatorURL)'")
        try (lines.joined(separator: "\n") + "\n").write(
            toFile: "\(directory)/environment", atomically: true, encoding: .utf8)
    }

    private var guide: String {
        """

        Look around:
          dashboard      \(applicationURL)/dashboard (name and password: operator)
          database       psql '\(servers.databaseURL)'
          consent page   \(applicationURL)/authenticate
          org simulator  \(simulatorURL)/simulator/orgs
          logs           \(directory)/*.log
          settings       \(directory)/environment
        Ctrl-C stops everything.
        """
    }
}

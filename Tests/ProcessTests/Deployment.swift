import Foundation
import FoundationNetworking
import Postgres
import Reactor
import Support

/// All parts of one installation as real processes: databases, Redis, simulator, web and worker.
final class Deployment: Sendable {
    struct Options: Sendable {
        var simulator: [String] = ["--orgs", "2", "--accounts", "300", "--contacts", "200", "--tweets", "40"]
        var redisPassword: String?
        var environment: [String: String] = [:]
        /// Uses a role without privileges, hstore in its own schema, and another time zone.
        var isRestricted = false
        /// Whether tenants are in a second database.
        var hasSecondCell = false
    }

    struct Org: Decodable, Sendable {
        let id: String
        let name: String
        let objects: [String: Int]
        struct User: Decodable, Sendable {
            let username: String
        }
        let users: [User]

        var schema: String { "salesforce" + id.lowercased() }
    }

    struct Answer: Sendable {
        let status: Int
        let text: String
        let url: URL?
    }

    let options: Options
    let databaseURL: String
    let cellURL: String
    let redisPort: UInt16
    let redis: Program
    let simulator: Program
    let webPort: UInt16
    let simulatorPort: UInt16
    let environment: [String: String]

    /// Starts Redis and the simulator, and migrates. The test starts web and worker. Call it on a loop.
    init(_ options: Options = Options(), database: TestDatabase) async throws {
        self.options = options
        redisPort = try Deployment.freePort()
        webPort = try Deployment.freePort()
        simulatorPort = try Deployment.freePort()
        let password = options.redisPassword.map { ["--requirepass", $0] } ?? []
        redis = try Program(
            "redis", "/usr/bin/redis-server",
            ["--port", "\(redisPort)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"] + password)
        simulator = try Program.multiconnect(
            ["org-simulator", "--port", "\(simulatorPort)"] + options.simulator, environment: [:])
        (databaseURL, cellURL) = try await Deployment.prepare(database, options)
        let credentials = options.redisPassword.map { ":\($0)@" } ?? ""
        var environment = [
            "DATABASE_URL": databaseURL, "REDIS_URL": "redis://\(credentials)127.0.0.1:\(redisPort)/0",
            "SECRET": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "SALESFORCE_KEY": "simulator-client",
            "SALESFORCE_SECRET": "simulator-secret",
            "SALESFORCE_LOGIN_URL": "http://127.0.0.1:\(simulatorPort)",
            "APP_URL": "http://127.0.0.1:\(webPort)", "PORT": "\(webPort)", "LOOPS": "1",
        ]
        if options.hasSecondCell {
            environment["CELL_SECOND_URL"] = cellURL
            environment["NEW_ORGANIZATIONS_CELL"] = "second"
        }
        self.environment = environment.merging(options.environment) { $1 }
        let migrate = try Program.multiconnect(["migrate"], environment: self.environment)
        guard migrate.exitStatus() == 0 else { throw Failure("migrate failed:\n\(migrate.output)") }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    static func freePort() throws -> UInt16 {
        // Outside of the kernel's range for outgoing connections, which could take the port first.
        for _ in 0..<1000 {
            let port = UInt16.random(in: 20_000..<32_000)
            guard let listener = try? Listener.tcp(host: "127.0.0.1", port: port) else { continue }
            listener.close()
            return port
        }
        throw ReactorError(.closed, operation: "find a free port")
    }

    /// Creates roles, schemas and databases. Returns the URLs of the control database and of the cell.
    private static func prepare(_ database: TestDatabase, _ options: Options) async throws -> (String, String)
    {
        var url = database.url
        let admin = try await database.connect()
        defer { admin.close() }
        if options.isRestricted {
            let role = "r" + database.name.suffix(20)
            try await admin.script(
                """
                create role \(role) login nosuperuser nocreatedb nocreaterole password 'x';
                alter database \(database.name) owner to \(role);
                alter database \(database.name) set timezone to 'Asia/Kolkata';
                create schema heroku_ext; create extension hstore schema heroku_ext;
                grant usage on schema heroku_ext to \(role);
                """)
            url = url.replacingOccurrences(of: "//postgres@", with: "//\(role):x@")
        }
        guard options.hasSecondCell else { return (url, url) }
        let second = database.name + "_cell"
        try await admin.script("create database \(second)")
        return (url, url.replacingOccurrences(of: database.name, with: second))
    }

    /// - Parameter descriptors: the limit of open descriptors.
    func startWeb(_ changes: [String: String] = [:], descriptors: Int? = nil) async throws -> Program {
        let environment = environment.merging(changes) { $1 }
        let web =
            if let descriptors {
                try Program.shell(
                    "ulimit -n \(descriptors); exec \"$0\" web", environment: environment)
            } else {
                try Program.multiconnect(["web"], environment: environment)
            }
        try await eventually(within: .seconds(60), "the web process is ready:\n\(web.output)") {
            guard web.isRunning else { throw Failure("web ended:\n\(web.output)") }
            return (try? await self.get("/readyz"))?.status == 200
        }
        return web
    }

    func startWorker(_ changes: [String: String] = [:]) throws -> Program {
        try Program.multiconnect(["worker"], environment: environment.merging(changes) { $1 })
    }

    func get(_ path: String, session: URLSession = .shared) async throws -> Answer {
        try await send(URLRequest(url: URL(string: "http://127.0.0.1:\(webPort)\(path)")!), session: session)
    }

    func send(_ request: URLRequest, session: URLSession = .shared) async throws -> Answer {
        let (data, response) = try await session.data(for: request)
        return Answer(
            status: (response as! HTTPURLResponse).statusCode, text: String(decoding: data, as: UTF8.self),
            url: response.url)
    }

    func post(
        _ url: String, body: String, type: String = "application/json", headers: [String: String] = [:],
        session: URLSession = .shared
    ) async throws -> Answer {
        var request = URLRequest(url: URL(string: url)!)
        request.httpMethod = "POST"
        request.httpBody = Data(body.utf8)
        request.setValue(type, forHTTPHeaderField: "Content-Type")
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        return try await send(request, session: session)
    }

    var simulatorURL: String { "http://127.0.0.1:\(simulatorPort)" }

    func orgs() async throws -> [Org] {
        var orgs: [Org] = []
        try await eventually(within: .seconds(60), "the simulator answers") {
            guard self.simulator.isRunning else {
                throw Failure("the simulator ended:\n\(self.simulator.output)")
            }
            guard
                let answer = try? await self.send(
                    URLRequest(url: URL(string: self.simulatorURL + "/simulator/orgs")!))
            else { return false }
            orgs = try JSONDecoder().decode([Org].self, from: Data(answer.text.utf8))
            return true
        }
        return orgs
    }

    func fault(_ json: String) async throws {
        let answer = try await post(simulatorURL + "/simulator/faults", body: json)
        guard answer.status == 204 else { throw Failure("fault \(json): \(answer.status) \(answer.text)") }
    }

    /// The package's post-install call.
    @discardableResult
    func install(_ org: Org) async throws -> Answer {
        let body = try JSONEncoder().encode([
            "org_id": org.id, "org_name": org.name, "admin_email": "admin@example.com",
        ])
        return try await post(
            "http://127.0.0.1:\(webPort)/organizations", body: String(decoding: body, as: UTF8.self))
    }

    /// The admin's consent in a browser.
    func consent(_ org: Org, as user: String? = nil) async throws -> Answer {
        let browser = URLSession(configuration: .ephemeral)
        let page = try await get("/auth/salesforce?environment=production&org_id=\(org.id)", session: browser)
        guard let query = page.url?.query(percentEncoded: true), page.status == 200 else {
            throw Failure("no consent page: \(page.status) \(page.text)")
        }
        let user = user ?? org.users[0].username
        return try await post(
            simulatorURL + "/services/oauth2/authorize", body: "\(query)&username=\(user)&decision=allow",
            type: "application/x-www-form-urlencoded", session: browser)
    }

    func status(of org: Org) async throws -> String {
        try await withConnection(databaseURL) { connection in
            try await connection.query(
                "select status from multiconnect.organizations where org_id = \(org.id)"
            )
            .first?["status"] ?? "none"
        }
    }

    func waitUntil(_ org: Org, is status: String, within limit: Duration = .seconds(90)) async throws {
        do {
            try await eventually(within: limit, "\(org.id) is \(status)") {
                try await self.status(of: org) == status
            }
        } catch let timeout as ConditionTimeout {
            let jobs = try await withConnection(databaseURL) { connection in
                try await connection.query(
                    "select class, state, error_message from multiconnect.jobs order by created_at"
                )
                .map { row in
                    "\(try row["class", as: String.self]) \(try row["state", as: String.self]) "
                        + (try row["error_message", as: String?.self] ?? "")
                }
            }
            throw Failure(
                "\(timeout); it is \(try await self.status(of: org))\n\(jobs.joined(separator: "\n"))")
        }
    }

    func withConnection<R>(_ url: String, _ body: (PostgresConnection) async throws -> R) async throws -> R {
        let connection = try await PostgresConnection.connect(PostgresConfiguration(url: url))
        defer { connection.close() }
        return try await body(connection)
    }

    /// Ends all processes, and drops the second cell's database.
    func stop() async throws {
        simulator.kill()
        redis.kill()
        if options.hasSecondCell {
            try await withConnection(TestDatabase.serverURL) { connection in
                let name = String(URL(string: self.cellURL)!.lastPathComponent)
                try await connection.script("drop database if exists \(name) with (force)")
            }
        }
    }
}

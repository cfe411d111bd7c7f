import Testing

@testable import Postgres

struct ConfigurationTests {
    @Test(arguments: ["postgres", "postgresql"])
    func `both schemes are read`(scheme: String) throws {
        let configuration = try PostgresConfiguration(
            url: "\(scheme)://ann:s%40cret@db.example:6432/main?sslmode=require&application_name=x")
        #expect(configuration.options["host"] == "db.example")
        #expect(configuration.options["port"] == "6432")
        #expect(configuration.options["password"] == "s@cret")
        #expect(configuration.options["sslmode"] == "require")
        #expect(configuration.database == "main")
        #expect(configuration.applicationName == "x")
    }

    @Test func `a Unix socket is a host parameter`() throws {
        let configuration = try PostgresConfiguration(url: "postgres:///main?host=/run/postgresql&user=ann")
        let targets = try ConnectionTarget.targets(of: configuration.options)
        #expect(targets == [ConnectionTarget(host: "/run/postgresql")])
        #expect(targets[0].nameToResolve == nil)
    }

    @Test(arguments: [
        "", "postgres://h:notaport:1/x", "postgres://h/db?nonsense=1", "mysql://x", "postgres://u:pw@[::1/x",
    ])
    func `a malformed URL is refused without being quoted`(url: String) {
        let error = #expect(throws: PostgresError.self) { try PostgresConfiguration(url: url) }
        #expect(error?.code == .configuration)
        if !url.isEmpty { #expect(error?.debugDescription.contains(url) == false) }
    }

    @Test func `no way of printing shows the password`() throws {
        let configuration = try PostgresConfiguration(url: "postgres://ann:topsecret@db.example/main")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped, "\([configuration])"] {
            #expect(!text.contains("topsecret"))
            #expect(text.contains("db.example"))
        }
    }

    @Test func `sessions are pinned after the URL's own options, which may turn jit on`() throws {
        var configuration = try PostgresConfiguration(
            url: "postgres://h/db?options=-c%20TimeZone%3DAsia/Tokyo")
        configuration.settings["search_path"] = "a, 'b"
        configuration.statementTimeout = .milliseconds(1500)
        let text = configuration.sessionStatement
        for (name, value) in [
            ("jit", "off"), ("TimeZone", "UTC"), ("statement_timeout", "1500"), ("search_path", "a, ''b"),
        ] {
            #expect(text.contains("set_config('\(name)', '\(value)', false)"), "\(text)")
        }
        let parameters = PostgresConnector(configuration: configuration)
            .parameters(for: ConnectionTarget(host: "h", address: "1.2.3.4"))
        #expect(parameters["gssencmode"] == "disable")
        #expect(parameters["hostaddr"] == "1.2.3.4")
        #expect(parameters["options"] == "-c TimeZone=Asia/Tokyo", "nothing that a pooler refuses by itself")
        #expect(try PostgresConfiguration(url: "postgres://h/db").options["options"] == nil)
        let own = try PostgresConfiguration(url: "postgres://h/db?options=-c%20jit%3Don")
        #expect(!own.sessionStatement.contains("jit"))
    }

    @Test func `lists of hosts are split`() throws {
        let configuration = try PostgresConfiguration(url: "postgres://a:1,b:2/db")
        #expect(
            try ConnectionTarget.targets(of: configuration.options) == [
                ConnectionTarget(host: "a", port: "1"), ConnectionTarget(host: "b", port: "2"),
            ])
        #expect(try ConnectionTarget.targets(of: [:]) == [ConnectionTarget()])
        #expect(throws: PostgresError.self) {
            try ConnectionTarget.targets(of: ["host": "a,b", "port": "1,2,3"])
        }
        let same = try ConnectionTarget.targets(of: ["host": "a,b", "port": "7"])
        #expect(same.map(\.port) == ["7", "7"])
    }
}

import CPostgres

/// The address and the settings of a database. Prints without password.
package struct PostgresConfiguration: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// libpq's parameters by keyword, from the URL.
    var options: [String: String]

    /// The name in `pg_stat_activity`.
    package var applicationName = "multiconnect"
    /// Session settings, pinned from the first statement on. They override those of role and database.
    package var settings: [String: String] = [:]
    /// The statement timeout of the server. Nil leaves the server's own setting.
    package var statementTimeout: Duration?
    /// The server ends a session that is idle inside a transaction for longer. Nil leaves the server's own
    /// setting.
    package var idleInTransactionTimeout: Duration?
    /// Maximum wait for an answer if a call has no deadline.
    package var answerTimeout: Duration = PostgresLimits.answer

    /// - Parameter url: `postgres://` or `postgresql://` with any of libpq's parameters
    ///   (`?sslmode=require&host=/run/postgresql`), or libpq's `keyword=value` form.
    /// - Throws: `.configuration`. The message never contains the URL.
    package init(url: String) throws(PostgresError) {
        guard !url.isEmpty, !url.utf8.contains(0) else {
            throw PostgresError(.configuration, "the database URL is empty or malformed")
        }
        var failure: UnsafeMutablePointer<CChar>?
        let parsed = unsafe PQconninfoParse(url, &failure)
        defer {
            unsafe PQconninfoFree(parsed)
            unsafe PQfreemem(failure)
        }
        guard let first = unsafe parsed else {
            // libpq's message quotes parts of the URL, perhaps the password.
            throw PostgresError(.configuration, "the database URL is malformed")
        }
        options = [:]
        var option = unsafe first
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                options[unsafe String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe option += 1
        }
        _ = try ConnectionTarget.targets(of: options)
        if let name = options.removeValue(forKey: "application_name") { applicationName = name }
    }

    /// The database's name. Nil means the name of the user.
    package var database: String? {
        get { options["dbname"] }
        set { options["dbname"] = newValue }
    }

    package var user: String? {
        get { options["user"] }
        set { options["user"] = newValue }
    }

    /// Not in descriptions.
    package var password: String? {
        get { options["password"] }
        set { options["password"] = newValue }
    }

    /// Host or socket directory. Nil means libpq's default.
    package var host: String? { options["host"] ?? options["hostaddr"] }
    /// Nil means 5432.
    package var port: String? { options["port"] }
    /// libpq's `sslmode`. Nil means its default.
    package var securityMode: String? { options["sslmode"] }

    /// Pinned in every session, so that values have the same text for every server, database and role. The
    /// time zone of Heroku's servers, for example, may be anything.
    static let pinnedSettings: KeyValuePairs = [
        "TimeZone": "UTC", "DateStyle": "ISO", "IntervalStyle": "postgres", "bytea_output": "hex",
        "extra_float_digits": "1", "standard_conforming_strings": "on", "client_min_messages": "warning",
    ]

    /// The statement that pins a new session. It follows the connection, because a pooler such as pgbouncer
    /// refuses or forgets settings in the start-up packet. So it wins over the URL's own options, except that
    /// these may turn `jit` on.
    var sessionStatement: String {
        var all: [(name: String, value: String)] = []
        // Estimates of lists that stop early are high, and compiling a statement takes longer than it runs.
        if options["options"]?.contains("jit") != true { all.append(("jit", "off")) }
        for (name, value) in Self.pinnedSettings { all.append((name, value)) }
        if let statementTimeout {
            all.append(("statement_timeout", "\(max(1, statementTimeout.milliseconds))"))
        }
        if let idleInTransactionTimeout {
            let limit = max(1, idleInTransactionTimeout.milliseconds)
            all.append(("idle_in_transaction_session_timeout", "\(limit)"))
        }
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) { all.append((name, value)) }
        // `set` would take a list such as a search path for one name.
        let calls = all.map { name, value in
            "pg_catalog.set_config(\(SQL.quote(literal: name)), \(SQL.quote(literal: value)), false)"
        }
        return "select " + calls.joined(separator: ", ")
    }

    package var description: String {
        let host = options["host"] ?? options["hostaddr"] ?? "local socket"
        return "database \(database ?? user ?? "of the user") on \(host), port \(options["port"] ?? "5432")"
    }

    package var debugDescription: String { description }

    package var customMirror: Mirror {
        Mirror(self, children: ["description": description])
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    package var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

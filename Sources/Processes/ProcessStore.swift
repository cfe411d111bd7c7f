internal import Encoding
internal import FoundationEssentials
package import Organizations
internal import Postgres

/// A run of a process, as its job reads it.
struct ProcessRun: Sendable {
    var id: UUID
    var organization: UUID
    var name: String
    var object: String
    var record: String
    var field: String
    var input: JSONValue
    var isOpen: Bool
}

/// Processes and their runs in the control database.
struct ProcessStore {
    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    func setTarget(_ target: [UInt8], host: String, of name: String) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.processes (name, target, host) values (\(name), \(target), \(host))
            on conflict (name) do update set target = excluded.target, host = excluded.host
            """)
    }

    func remove(_ name: String) async throws -> Bool {
        try await connection.execute("delete from multiconnect.processes where name = \(name)") == 1
    }

    func list() async throws -> [(name: String, host: String)] {
        try await connection.query("select name, host from multiconnect.processes order by name")
            .map { (try $0["name"], try $0["host"]) }
    }

    /// The sealed target of a process. Nil for an unknown one.
    func target(of name: String) async throws -> [UInt8]? {
        try await connection.query("select target from multiconnect.processes where name = \(name)")
            .first.map { try $0["target"] }
    }

    /// Adds a run, or finds the one with the same key. `isNew` is false for the latter.
    func add(_ call: ProcessCall, of organization: UUID) async throws -> (id: UUID, isNew: Bool) {
        let inserted: UUID? = try await connection.query(
            """
            insert into multiconnect.process_runs
                (organization_id, name, request_key, object, sfid, field, input)
            values (\(organization), \(call.name), \(call.key), \(call.object), \(call.record), \(call.field),
                \(call.input.serialized)::jsonb)
            on conflict (organization_id, request_key) do nothing returning id
            """
        ).first.map { try $0["id"] }
        if let inserted { return (inserted, true) }
        let known: UUID = try await connection.query(
            """
            select id from multiconnect.process_runs
            where organization_id = \(organization) and request_key = \(call.key)
            """
        ).scalar()
        return (known, false)
    }

    func find(_ id: UUID) async throws -> ProcessRun? {
        try await connection.query(
            """
            select id, organization_id, name, object, sfid, field, input::text as input, state
            from multiconnect.process_runs where id = \(id)
            """
        ).first.map { row in
            ProcessRun(
                id: try row["id"], organization: try row["organization_id"], name: try row["name"],
                object: try row["object"], record: try row["sfid"], field: try row["field"],
                input: try JSONValue(parsing: Array((try row["input"] as String).utf8)),
                isOpen: try row["state"] == "queued")
        }
    }

    /// Ends a run. Its input is not kept.
    ///
    /// - Parameter error: why it failed; nil if its result is written.
    func end(_ id: UUID, error: String?) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.process_runs
            set state = \(error == nil ? "done" : "failed"), error = \(error), input = '{}',
                ended_at = clock_timestamp()
            where id = \(id) and state = 'queued'
            """)
    }

    /// Removes runs that ended long ago.
    func prune(after age: Duration) async throws {
        _ = try await connection.execute(
            "delete from multiconnect.process_runs where ended_at < clock_timestamp() - \(age)::interval")
    }
}

extension SealedColumn {
    /// The URLs and secrets of processes.
    package static let processes = SealedColumn(
        "processes", table: "multiconnect.processes", column: "target", row: "t.name",
        owner: "'process ' || t.name", purpose: "'process target'")
}

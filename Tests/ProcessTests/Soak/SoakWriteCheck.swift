import Encoding
import Foundation
import FoundationNetworking
import Postgres

/// Compares the log of a tenant's changes with the writes that the org has recorded.
struct SoakWriteCheck: Sendable {
    let deployment: Deployment
    let org: Deployment.Org
    let simulator: String
    /// The org's number in the simulator.
    let number: Int

    /// An entry of the log.
    private struct Entry {
        let id: Int
        let row: String
        let action: String
        let state: String
        let message: String?
        let marker: String?

        var text: String {
            "entry \(id) \(row) \(action) \(state) \(marker ?? "-"): \(message ?? "no message")"
        }
    }

    /// A write that the org has recorded, by its marker.
    private struct Write {
        let id: String
        let serial: Int
        let kind: String
        let client: String
        let time: Date
    }

    /// Answers of Salesforce to changes of records that its users have deleted.
    private static let deletions = ["ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"]

    private func sql(_ text: String) -> String { text.replacingOccurrences(of: "T.", with: "\(org.schema).") }

    /// Requests without an answer are settled soon. The orgs of the soak carry no request out later than that.
    func prepare(isMerged: Bool) async throws {
        let program = try Program.multiconnect(
            ["organizations", "settings", org.id, "write_quarantine_seconds=8"]
                + (isMerged ? ["poll_db_no_merge=false"] : []),
            environment: deployment.environment.merging(["LOG_LEVEL": "critical"]) { $1 })
        guard program.exitStatus() == 0 else { throw SoakDriver.Failure(description: program.output) }
    }

    /// Runs a transaction of an application.
    func run(_ write: SoakWrite) async throws {
        let text = sql(write.statements.joined(separator: ";\n"))
        try await deployment.withConnection(deployment.cellURL) {
            try await $0.script("begin;\n\(text);\ncommit")
        }
    }

    /// The number of changes that are not finished, and the ids of those in doubt. Decides about the latter
    /// as an operator who looks them up in the org.
    func waiting() async throws -> [String] {
        let open = try await entries().filter { ["NEW", "PENDING"].contains($0.state) }
        guard !open.isEmpty else { return [] }
        let doubtful = try await inDoubt()
        guard !doubtful.isEmpty else { return open.map(\.text) }
        let ids = try await created()
        // Of merged entries of a row, the org has the value of the last.
        let markers = Dictionary(
            open.filter { doubtful.contains($0.id) }.compactMap { entry in
                entry.marker.map { (entry.row, $0) }
            }, uniquingKeysWith: { $1 })
        for entry in open where doubtful.contains(entry.id) {
            var arguments = ["writes", "resolve", org.id, "\(entry.id)"]
            if let record = markers[entry.row].flatMap({ ids[$0] }) {
                // The record may have left the recycle bin since.
                arguments +=
                    ["--exists"] + (entry.action == "INSERT" ? ["--sfid", record, "--unchecked"] : [])
            } else {
                arguments.append("--send-again")
            }
            let program = try Program.multiconnect(
                arguments, environment: deployment.environment.merging(["LOG_LEVEL": "critical"]) { $1 })
            // A row may be locked by a worker that was just killed: the next call tries again.
            guard program.exitStatus() == 0 || program.output.contains("try again") else {
                throw SoakDriver.Failure(description: "\(arguments): \(program.output)")
            }
        }
        return open.map(\.text)
    }

    /// Faults: inserts that are not in the org exactly once, updates that were lost, wrong orders.
    ///
    /// - Parameters:
    ///   - writes: those that were committed.
    ///   - purged: records that left the recycle bin.
    func faults(_ writes: [SoakWrite], purged: Set<String>) async throws -> [String] {
        let (entries, recorded) = (try await entries(), try await self.writes())
        var faults: [String] = []
        let captured = Set(entries.compactMap(\.marker))
        for marker in writes.flatMap(\.inserts) where !captured.contains(marker) {
            faults.append("\(marker) was committed and not captured")
        }
        for marker in writes.flatMap(\.rolledBack) where recorded[marker] != nil {
            faults.append("\(marker) was rolled back and written")
        }
        for entry in entries {
            switch entry.state {
            case "SUCCESS":
                guard let marker = entry.marker else { continue }
                let writes = recorded[marker] ?? []
                guard entry.action == "INSERT" else {
                    if writes.isEmpty { faults.append("\(entry.text): not in the org") }
                    continue
                }
                let creates = writes.filter { $0.kind == "create" }
                // The record of a lost answer may have left the recycle bin before it was looked up.
                guard creates.isEmpty || creates.count(where: { !purged.contains($0.id) }) > 1 else {
                    continue
                }
                faults.append(
                    "\(entry.text): \(creates.count) times in the org: "
                        + creates.map { "\($0.id) at \($0.time) by \($0.client)" }.joined(separator: ", ")
                        + "; " + (try await attempts(of: entry.id)).joined(separator: ", ")
                        + "; " + (try await history(of: creates.map(\.id))).joined(separator: ", "))
            case "FAILED" where Self.deletions.contains(where: { entry.message?.contains($0) == true }):
                // Also the record of an upsert that is repeated may be gone.
                let wasThere = entry.marker.flatMap { recorded[$0] } != nil
                if entry.action == "INSERT", !wasThere { faults.append(entry.text) }
            // An update that changes nothing.
            case "IGNORE" where entry.marker == nil, "IGNORED" where entry.marker == nil: continue
            // A later change of the row was sent with it.
            case "MERGED": continue
            default: faults.append(entry.text)
            }
        }
        return faults + misordered(entries, recorded) + (try await unwritten())
    }

    /// Changes of one row are written in the order of their capture.
    private func misordered(_ entries: [Entry], _ recorded: [String: [Write]]) -> [String] {
        var last: [String: (serial: Int, text: String)] = [:]
        var faults: [String] = []
        for entry in entries where entry.state == "SUCCESS" {
            guard let serials = entry.marker.flatMap({ recorded[$0] })?.map(\.serial),
                let first = serials.min(), let newest = serials.max()
            else { continue }
            if let earlier = last[entry.row], earlier.serial > first {
                faults.append("\(entry.text) was written before \(earlier.text)")
            }
            last[entry.row] = (max(newest, last[entry.row]?.serial ?? 0), entry.text)
        }
        return faults
    }

    /// Rows that never got a record.
    private func unwritten() async throws -> [String] {
        try await deployment.withConnection(deployment.cellURL) { connection in
            var rows: [String] = []
            for target in SoakWrite.targets {
                rows += try await connection.query(
                    """
                    select concat_ws(' ', \(target.table)::text, id, _hc_lastop, _hc_err, 'has no sfid')
                    from \(identifier: org.schema, target.table) where sfid is null
                    """
                ).column()
            }
            return rows
        }
    }

    private func entries() async throws -> [Entry] {
        let columns = SoakWrite.targets.map { "values::public.hstore operator(public.->) '\($0.column)'" }
            .joined(separator: ", ")
        let text = sql(
            """
            select id, table_name || ' ' || record_id as row, action, state, sf_message,
              coalesce(\(columns)) as marker
            from (select * from T._trigger_log union all select * from T._trigger_log_archive) l
            where state <> 'READONLY' order by id
            """)
        return try await deployment.withConnection(deployment.cellURL) { connection in
            try await connection.query(SQL(raw: text)).map { row in
                Entry(
                    id: try row["id"], row: try row["row"], action: try row["action"],
                    state: try row["state"], message: try row["sf_message"],
                    marker: (try row["marker", as: String?.self]).flatMap { $0.hasPrefix("w") ? $0 : nil })
            }
        }
    }

    private func inDoubt() async throws -> Set<Int> {
        let isAny: Bool = try await deployment.withConnection(deployment.cellURL) { connection in
            try await connection.query(
                """
                select exists (select from multiconnect_sync.write_attempts a
                  join multiconnect_sync.synced_tables t on t.mapping_id = a.mapping_id
                  where t.schema_name = \(org.schema) and a.state = 'undecided')
                """
            ).scalar()
        }
        // The command blocks a thread of the test.
        guard isAny else { return [] }
        let program = try Program.multiconnect(
            ["writes", "list", org.id, "--in-doubt", "--json"],
            environment: deployment.environment.merging(["LOG_LEVEL": "critical"]) { $1 })
        guard program.exitStatus() == 0 else { throw SoakDriver.Failure(description: program.output) }
        let document = try JSONValue(parsing: Array(program.output.utf8))
        return Set(document["writes"]?.array?.compactMap { $0["id"]?.int } ?? [])
    }

    private func recordedWrites() async throws -> [(marker: String, id: String, write: Write)] {
        let url = URL(string: "\(simulator)/simulator/orgs/\(number)/writes")!
        let answer = try await deployment.send(URLRequest(url: url))
        let documents = try JSONValue(parsing: Array(answer.text.utf8)).array ?? []
        return documents.compactMap { document in
            let markers = SoakWrite.targets.compactMap { document["fields"]?[$0.field]?.string }
            guard let marker = markers.first, let serial = document["serial"]?.int,
                let id = document["id"]?.string, let kind = document["kind"]?.string
            else { return nil }
            return (
                marker, id,
                Write(
                    id: id, serial: serial, kind: kind, client: document["client"]?.string ?? "-",
                    time: Date(timeIntervalSince1970: Double(document["committed"]?.int ?? 0) / 1_000))
            )
        }
    }

    /// The attempts that sent an entry.
    private func attempts(of entry: Int) async throws -> [String] {
        try await deployment.withConnection(deployment.cellURL) { connection in
            try await connection.query(
                """
                select (to_jsonb(a) - 'log_ids' - 'record_ids')::text from multiconnect_sync.write_attempts a
                join multiconnect_sync.synced_tables t on t.mapping_id = a.mapping_id
                where t.schema_name = \(org.schema) and \(entry)::bigint = any (a.log_ids) order by a.sent_at
                """
            ).column()
        }
    }

    /// The changes of records in the org.
    private func history(of ids: [String]) async throws -> [String] {
        let url = URL(string: "\(simulator)/simulator/orgs/\(number)/changes?limit=100000")!
        let changes =
            try JSONValue(parsing: Array(try await deployment.send(URLRequest(url: url)).text.utf8)).array
            ?? []
        return changes.compactMap { change in
            guard let id = change["sfid"]?.string, ids.contains(id) else { return nil }
            let time = Date(timeIntervalSince1970: Double(change["committed"]?.int ?? 0) / 1_000)
                .formatted(.iso8601.time(includingFractionalSeconds: true))
            return "\(id) \(change["kind"]?.string ?? "-") at \(time)"
        }
    }

    /// All that is known of a record: its row, its entries of the log, its last applied change, and its
    /// changes in the org.
    func story(of record: String, object: String) async throws -> [String] {
        let table = object.lowercased()
        let statements = [
            "select 'row ' || r::text from T.\(table) r where sfid = '\(record)'",
            """
            select 'entry ' || (to_jsonb(l) - 'old')::text
            from (select * from T._trigger_log union all select * from T._trigger_log_archive) l
            where table_name = '\(table)' and (sfid = '\(record)'
              or record_id in (select id from T.\(table) where sfid = '\(record)')) order by id
            """,
            "select 'recent ' || c::text from multiconnect_sync.recent_changes c where sfid = '\(record)'",
        ]
        var lines: [String] = []
        for statement in statements {
            let text = sql(statement)
            lines += try await deployment.withConnection(deployment.cellURL) {
                try await $0.query(SQL(raw: text)).column()
            }
        }
        return lines + (try await history(of: [record]))
    }

    private func writes() async throws -> [String: [Write]] {
        Dictionary(grouping: try await recordedWrites(), by: \.marker).mapValues { $0.map(\.write) }
    }

    private func created() async throws -> [String: String] {
        Dictionary(try await recordedWrites().map { ($0.marker, $0.id) }) { first, _ in first }
    }
}

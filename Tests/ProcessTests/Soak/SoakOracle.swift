import Foundation
import FoundationNetworking
import Postgres

/// Compares the tenant's tables with the simulator's own store, row by row and column by column. Shares no
/// code with the product.
struct SoakOracle: Sendable {
    /// Values of a record by column. A missing column is null.
    typealias Record = [String: String]

    let simulator: String
    /// The org's number in the simulator.
    let number: Int
    let databaseURL: String
    let schema: String
    let objects: [String]

    /// A difference between the table and the org.
    struct Difference: Sendable, CustomStringConvertible {
        let object: String
        let id: String
        /// Column, or `(row)` for a record that one side lacks.
        let column: String
        let here: String?
        let there: String?

        var description: String {
            "\(object) \(id) \(column): table \(here ?? "null"), org \(there ?? "null")"
        }
    }

    /// All differences of the mapped columns.
    ///
    /// - Parameter columns: false leaves a column out.
    func differences(_ columns: (String) -> Bool = { _ in true }) async throws -> [Difference] {
        let connection = try await PostgresConnection.connect(PostgresConfiguration(url: databaseURL))
        defer { connection.close() }
        var found: [Difference] = []
        for object in objects {
            let there = try await org(object)
            let (names, here) = try await table(object, connection)
            for id in Set(here.keys).union(there.keys).sorted() {
                guard let left = here[id], let right = there[id] else {
                    let isHere = here[id] != nil
                    found.append(
                        Difference(
                            object: object, id: id, column: "(row)", here: isHere ? "present" : nil,
                            there: isHere ? nil : "present"))
                    continue
                }
                for name in names where columns(name) && left[name] != right[name] {
                    found.append(
                        Difference(object: object, id: id, column: name, here: left[name], there: right[name])
                    )
                }
            }
        }
        return found
    }

    /// Ids of records that left the recycle bin. If their event is lost, only a repair finds them.
    func purged() async throws -> Set<String> {
        let url = URL(string: "\(simulator)/simulator/orgs/\(number)/changes?limit=100000")!
        let (data, _) = try await URLSession.shared.data(from: url)
        let changes = try JSONSerialization.jsonObject(with: data) as? [[String: Any]] ?? []
        return Set(
            changes.filter { $0["kind"] as? String == "hardDelete" }.compactMap { $0["sfid"] as? String })
    }

    /// The live records of the org, by id.
    private func org(_ object: String) async throws -> [String: Record] {
        let url = URL(string: "\(simulator)/simulator/orgs/\(number)/objects/\(object)/rows")!
        let (data, _) = try await URLSession.shared.data(from: url)
        var records: [String: Record] = [:]
        for line in data.split(separator: UInt8(ascii: "\n")) {
            let members = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] ?? [:]
            let record = members.compactMapValues { $0 as? String }
            if let id = record["sfid"] { records[id] = record }
        }
        return records
    }

    /// The table's columns, and its rows with an id by that id.
    private func table(
        _ object: String, _ connection: PostgresConnection
    ) async throws -> ([String], [String: Record]) {
        let name = object.lowercased()
        let columns = try await connection.query(
            """
            select column_name::text as name, data_type::text as type from information_schema.columns
            where table_schema = \(schema) and table_name = \(name)
              and column_name not in ('id', '_hc_lastop', '_hc_err')
            """
        ).map { (try $0["name", as: String.self], try $0["type", as: String.self]) }
        // A function of Postgres has at most 100 arguments.
        guard (2...50).contains(columns.count) else {
            throw SoakDriver.Failure(description: "\(schema).\(name) has \(columns.count) columns")
        }
        let values = columns.map {
            "\(SQL.quote(literal: $0.0)), \(Self.text(SQL.quote(identifier: $0.0), $0.1))"
        }
        let rows: [String] = try await connection.query(
            """
            select jsonb_build_object(\(raw: values.joined(separator: ", ")))::text
            from \(identifier: schema, name) where sfid is not null
            """
        ).column()
        var records: [String: Record] = [:]
        for row in rows {
            let members = try JSONSerialization.jsonObject(with: Data(row.utf8)) as? [String: Any] ?? [:]
            let record = members.compactMapValues { $0 as? String }
            if let id = record["sfid"] { records[id] = record }
        }
        return (columns.map(\.0).filter { $0 != "sfid" }, records)
    }

    /// The simulator's text of a value.
    private static func text(_ column: String, _ type: String) -> String {
        switch type {
        case "date": "to_char(\(column), 'YYYY-MM-DD')"
        case "time without time zone": "to_char(\(column), 'HH24:MI:SS.MS')"
        case "timestamp without time zone": "to_char(\(column), 'YYYY-MM-DD HH24:MI:SS.MS')"
        default: "\(column)::text"
        }
    }
}

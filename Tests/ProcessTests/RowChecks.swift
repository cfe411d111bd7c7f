import Foundation
import FoundationNetworking
import Postgres
import Testing

extension Deployment {
    private struct Truth: Decodable {
        struct Column: Decodable, Equatable {
            let values: Int
            let sum: String
        }
        let rows: Int
        let columns: [String: Column]
    }

    /// The tenant's tables hold exactly the org's rows: count and, for each column, a checksum over all
    /// values, against the simulator's own store.
    func expectExactRows(of org: Org) async throws {
        let objects = try await withConnection(databaseURL) { connection in
            try await connection.query(
                """
                select m.object_name from multiconnect.mappings m
                join multiconnect.connections c on c.id = m.connection_id
                join multiconnect.organizations o on o.id = c.organization_id
                where o.org_id = \(org.id)
                """
            ).column(as: String.self)
        }
        #expect(objects.count == 4, "the default mapping has four objects")
        for object in objects {
            let answer = try await get(simulator: "/simulator/orgs/\(org.id)/objects/\(object)/checksums")
            let truth = try JSONDecoder().decode(Truth.self, from: Data(answer.utf8))
            try await withConnection(cellURL) { connection in
                try await compare(truth, schema: org.schema, table: object.lowercased(), connection)
            }
        }
    }

    private func get(simulator path: String) async throws -> String {
        var request = URLRequest(url: URL(string: simulatorURL + path)!)
        // A debug build computes the checksums of tens of thousands of rows.
        request.timeoutInterval = 240
        let (data, _) = try await URLSession.shared.data(for: request)
        return String(decoding: data, as: UTF8.self)
    }

    private func compare(
        _ truth: Truth, schema: String, table: String, _ connection: PostgresConnection
    ) async throws {
        let columns = try await connection.query(
            """
            select column_name::text as name, data_type::text as type from information_schema.columns
            where table_schema = \(schema) and table_name = \(table)
              and column_name not in ('id', '_hc_lastop', '_hc_err')
            """)
        #expect(columns.count > 4, "\(schema).\(table) has columns")
        let count = try await connection.query("select count(*) from \(identifier: schema, table)").scalar(
            as: Int.self)
        #expect(count == truth.rows, "\(schema).\(table) has \(count) rows, the org \(truth.rows)")
        for column in columns {
            let name: String = try column["name"]
            let text = SQL(raw: canonicalText(SQL.quote(identifier: name), type: try column["type"]))
            let row = try #require(
                try await connection.query(
                    """
                    select count(\(text)) as values, mod(mod(coalesce(sum(
                        hashtextextended(sfid || \(literal: "|\(name)|") || \(text), 0)::numeric), 0),
                        18446744073709551616) + 18446744073709551616, 18446744073709551616)::text as sum
                    from \(identifier: schema, table)
                    """
                ).first)
            let own = Truth.Column(values: try row["values"], sum: try row["sum"])
            #expect(own == truth.columns[name], "\(schema).\(table).\(name)")
        }
    }

    /// The text that both sides hash.
    private func canonicalText(_ column: String, type: String) -> String {
        switch type {
        case "date": "to_char(\(column), 'YYYY-MM-DD')"
        case "time without time zone": "to_char(\(column), 'HH24:MI:SS.MS')"
        case "timestamp without time zone": "to_char(\(column), 'YYYY-MM-DD HH24:MI:SS.MS')"
        default: "\(column)::text"
        }
    }
}

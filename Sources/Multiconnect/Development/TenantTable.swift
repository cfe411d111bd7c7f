import Organizations
import Postgres
import Replication

/// The tenants with their tables and rows, as `multiconnect dev` shows them.
struct TenantTable: Sendable {
    struct Line: Sendable {
        let organization: Organization
        let object: String
        let state: String
        let rows: Int
        /// Rows that no column took.
        let quarantined: Int
    }

    let lines: [Line]

    /// Reads the control database, and counts the rows of the tenants' tables there.
    static func read(_ pool: PostgresPool, limit: Int) async throws -> TenantTable {
        try await pool.withConnection { connection in
            var lines: [Line] = []
            for organization in try await OrganizationStore(on: connection).list(limit: limit) {
                for mapping in try await MappingStore().mappings(
                    of: organization.connectionID, on: connection)
                {
                    let table = mapping.objectName.lowercased()
                    let exists = try await connection.query(
                        "select to_regclass(\(organization.schemaName + "." + table)) is not null"
                    ).scalar(as: Bool.self)
                    let rows =
                        exists
                        ? try await connection.query(
                            "select count(*) from \(identifier: organization.schemaName, table)"
                        ).scalar(as: Int.self) : 0
                    lines.append(
                        Line(
                            organization: organization, object: mapping.objectName,
                            state: mapping.state?.label ?? "",
                            rows: rows, quarantined: mapping.quarantined))
                }
            }
            return TenantTable(lines: lines)
        }
    }

    var text: String {
        let header = ["ORG", "NAME", "STATUS", "SCHEMA", "OBJECT", "STATE", "ROWS", "QUARANTINED"]
        let cells = lines.map { line in
            [
                "\(line.organization.organizationID)", "\(line.organization.name)",
                "\(line.organization.status)",
                line.organization.schemaName, line.object, line.state, "\(line.rows)",
                "\(line.quarantined)",
            ]
        }
        let widths = header.indices.map { column in
            ([header] + cells).map { $0[column].count }.max() ?? 0
        }
        return ([header] + cells).map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}

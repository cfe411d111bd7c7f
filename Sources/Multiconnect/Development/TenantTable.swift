import Organizations
import Postgres
import Replication

/// The table of tenants, objects and rows that `multiconnect dev` prints.
struct TenantTable: Sendable {
    struct Line: Sendable {
        let organization: Organization
        let object: String
        let state: String
        let rows: Int
        /// Quarantined rows.
        let quarantined: Int
    }

    let lines: [Line]

    /// Reads the tenants and counts the rows of their tables.
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
        return TextTable.text(header, cells)
    }
}

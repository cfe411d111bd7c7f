import Foundation
import Postgres

/// Reads the lease, positions and reads of one tenant. A failed comparison prints them.
enum SoakState {
    private static let queries: [(title: String, sql: String)] = [
        (
            "lease",
            """
            select l.epoch, h.worker, h.lease_until, clock_timestamp() as now
            from multiconnect_sync.leases l left join multiconnect_sync.lease_holders h on h.id = l.holder
            where l.organization_id = $1
            """
        ),
        ("stream", "select * from multiconnect_sync.stream_states where organization_id = $1"),
        ("stream position", "select * from multiconnect_sync.stream_positions where organization_id = $1"),
        ("position", "select * from multiconnect_sync.positions where organization_id = $1"),
        (
            "import",
            """
            select i.sf_object_name, i.method, i.state, i.bulk_job_id
            from multiconnect_sync.imports i where organization_id = $1 and state = 'open'
            """
        ),
        (
            "running read",
            """
            select r.* from multiconnect_sync.running_reads r
            join multiconnect_sync.positions p using (mapping_id) where p.organization_id = $1
            """
        ),
        (
            "re-reads",
            """
            select mapping_id, reason, count(*), min(due_at), max(attempts)
            from multiconnect_sync.rereads where organization_id = $1 group by 1, 2
            """
        ),
        (
            "held changes",
            "select count(*) from multiconnect_sync.held_changes where organization_id = $1"
        ),
        (
            "write attempts",
            """
            select state, count(*), min(settle_at) from multiconnect_sync.write_attempts
            where organization_id = $1 group by 1
            """
        ),
    ]

    /// One line per row; a query that fails gives its error.
    static func text(_ org: Deployment.Org, _ deployment: Deployment) async throws -> String {
        let (id, mappings) = try await deployment.withConnection(deployment.databaseURL) { connection in
            let id = try await connection.query(
                "select id::text as id from multiconnect.organizations where org_id = \(org.id)"
            ).first.map { try $0["id", as: String.self] }
            let mappings =
                try await connection.query(
                    """
                    select (to_jsonb(m) - 'config')::text from multiconnect.mappings m
                    join multiconnect.connections c on c.id = m.connection_id
                    join multiconnect.organizations o on o.id = c.organization_id where o.org_id = \(org.id)
                    """
                ).column() as [String]
            return (id ?? "", mappings)
        }
        var lines = mappings.map { "  mapping \($0)" }
        try await deployment.withConnection(deployment.cellURL) { connection in
            for (title, sql) in queries {
                let filled = sql.replacingOccurrences(of: "$1", with: "'\(id)'::uuid")
                do {
                    let rows: [String] = try await connection.query(
                        "select t::text from (\(raw: filled)) t"
                    ).column()
                    lines += rows.map { "  \(title) \($0)" }
                } catch {
                    lines.append("  \(title): \(error)")
                }
            }
        }
        return lines.joined(separator: "\n")
    }
}

import FoundationEssentials
import Organizations
import Postgres
import TenantSchema

/// Reads facts for a check.
struct CheckupStore: Sendable {
    private var deadline: ContinuousClock.Instant { .now + TenantAdminLimits.statement }

    /// The part of the facts of a mapping that the control database has.
    struct Stored: Sendable {
        var objectName: String
        var table: String?
        var problems: [Checkup.Problem]
        /// Why the object is not synced at all. Nil if it is.
        var obstacle: String?
    }

    /// The tables and problems of a connection's mappings.
    func stored(of connection: UUID, on control: PostgresConnection) async throws -> [Stored] {
        let rows = try await control.query(
            """
            select object_name, table_name, p.kind, p.message,
              case when m.state in ('ERROR', 'INVALID')
                then coalesce(m.state_description, m.last_error, m.state) end as obstacle
            from multiconnect.mappings m
            left join lateral jsonb_to_recordset(m.problems) as p (kind text, message text) on true
            where connection_id = \(connection) order by object_name
            """, deadline: deadline)
        var found: [Stored] = []
        for row in rows {
            let name: String = try row["object_name"]
            if found.last?.objectName != name {
                found.append(
                    Stored(
                        objectName: name, table: try row["table_name"], problems: [],
                        obstacle: try row["obstacle"]))
            }
            guard let kind: String = try row["kind"] else { continue }
            found[found.count - 1].problems.append(
                Checkup.Problem(kind: kind, message: try row["message"] ?? ""))
        }
        return found
    }

    /// The tables of a schema by name.
    func tables(of schema: String, on cell: PostgresConnection) async throws -> [String: Checkup.TableFacts] {
        let rows = try await cell.query(
            """
            select c.relname, count(*) filter (where a.atttypid = 'text'::regtype
                and a.attname not in ('_hc_err')) as long_texts,
              coalesce(string_agg(a.attname, ',') filter (where exists (
                select from pg_index i
                where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid)), '') as indexed
            from pg_class c
            join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where c.relnamespace = to_regnamespace(\(Identifier.quoted(schema))) and c.relkind = 'r'
            group by c.relname
            """, deadline: deadline)
        var tables: [String: Checkup.TableFacts] = [:]
        for row in rows {
            let indexed: String = try row["indexed"]
            tables[try row["relname"]] = Checkup.TableFacts(
                longTexts: try row["long_texts"], indexed: Set(indexed.split(separator: ",").map(String.init))
            )
        }
        return tables
    }

    /// The connections of the cell's server, and the smallest of the limits that apply to ours.
    func connections(on cell: PostgresConnection) async throws -> Checkup.Connections? {
        let rows = try await cell.query(
            """
            select (select count(*) from pg_stat_activity where backend_type = 'client backend') as used,
              least(
                current_setting('max_connections')::int
                  - current_setting('superuser_reserved_connections')::int,
                (select nullif(datconnlimit, -1) from pg_database where datname = current_database()),
                (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user)
              ) as maximum
            """, deadline: deadline)
        return try rows.first.map { .init(used: try $0["used"], maximum: try $0["maximum"]) }
    }
}

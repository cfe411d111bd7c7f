package import FoundationEssentials
package import Postgres

/// Reads the tables of a tenant's schema for services of OData.
package struct ODataTableStore: Sendable {
    /// The reason why a table cannot be served.
    package enum Obstacle: Error, Sendable, Equatable {
        case noTable
        case noKey
        case unknownColumn(String)
        /// A view, or a table whose changes nobody captures.
        case noWrites
        /// The mapping of this object is read-only: changes would stay in Postgres.
        case readOnlyMapping(String)
    }

    private let schema: String
    private let organization: UUID

    package init(of service: ODataService) {
        self.init(schema: service.schema, organization: service.organization)
    }

    package init(schema: String, organization: UUID) {
        self.schema = schema
        self.organization = organization
    }

    /// Columns of mapped tables that Multiconnect sets.
    private static let own: Set<String> = ["_hc_lastop", "_hc_err"]
    /// Columns of mapped tables that Multiconnect or Salesforce sets.
    private static let readOnly: Set<String> = [
        "id", "sfid", "_hc_lastop", "_hc_err", "isdeleted", "createddate", "systemmodstamp",
    ]

    /// A relation as it is in the catalog.
    private struct Relation {
        var isView = false
        var isMapped = false
        var isCaptured = false
        /// The object of a mapping that does not write to Salesforce.
        var readOnlyObject: String?
        var columns: [(column: ODataColumn, keyPosition: Int?)] = []
    }

    /// The tables of the selections that exist and have a key.
    package func tables(
        _ selections: [ODataService.Selection], on connection: PostgresConnection
    ) async throws -> [ODataTable] {
        guard !selections.isEmpty else { return [] }
        let relations = try await relations(selections.map(\.table), on: connection)
        return selections.compactMap { selection in
            relations[selection.table].flatMap { try? Self.table(selection, $0) }
        }
    }

    /// Throws an `Obstacle` if the selection cannot be served as it is.
    package func check(
        _ selection: ODataService.Selection, on connection: PostgresConnection
    ) async throws {
        guard ODataService.isName(selection.table), !selection.table.hasPrefix("_"),
            let relation = try await relations([selection.table], on: connection)[selection.table]
        else { throw Obstacle.noTable }
        let known = Set(relation.columns.map(\.column.name))
        if let unknown = selection.columns?.first(where: { !known.contains($0) }) {
            throw Obstacle.unknownColumn(unknown)
        }
        let table = try Self.table(selection, relation)
        guard selection.isWritable, !table.isWritable else { return }
        throw relation.readOnlyObject.map(Obstacle.readOnlyMapping) ?? Obstacle.noWrites
    }

    private static func table(
        _ selection: ODataService.Selection, _ relation: Relation
    ) throws(Obstacle) -> ODataTable {
        let key =
            relation.isView
            ? relation.columns.filter { $0.column.name == "id" }
            : relation.columns.filter { $0.keyPosition != nil }
                .sorted { ($0.keyPosition ?? 0) < ($1.keyPosition ?? 0) }
        guard !key.isEmpty, key.allSatisfy({ $0.column.kind.isKey }) else { throw .noKey }
        let names = key.map(\.column.name)
        let chosen = selection.columns.map(Set.init)
        let columns = relation.columns.map(\.column).filter { column in
            names.contains(column.name) || chosen?.contains(column.name) ?? !own.contains(column.name)
        }
        return ODataTable(
            name: selection.table,
            columns: columns.map { column in
                ODataColumn(
                    column.name, column.kind,
                    isNullable: column.isNullable && !names.contains(column.name), length: column.length,
                    precision: column.precision, scale: column.scale,
                    isReadOnly: column.isReadOnly || (relation.isMapped && readOnly.contains(column.name)))
            },
            key: names,
            // Changes of a mapped table without triggers, or of a read-only mapping, would never reach
            // Salesforce.
            isWritable: selection.isWritable && !relation.isView && relation.readOnlyObject == nil
                && (relation.isCaptured || !relation.isMapped),
            isView: relation.isView)
    }

    private func relations(
        _ names: [String], on connection: PostgresConnection
    ) async throws -> [String: Relation] {
        let rows = try await connection.query(
            """
            select c.relname::text as relation, c.relkind in ('v', 'm') as is_view,
              a.attname::text as name, t.typname::text as type, a.atttypmod as modifier,
              not a.attnotnull as is_nullable,
              a.attgenerated <> '' or a.attidentity = 'a' as is_generated,
              array_position(p.conkey, a.attnum) as key_position,
              exists (
                select from pg_trigger g where g.tgrelid = c.oid and g.tgname like 'hc\\_%logtrigger'
              ) as is_captured, m.object as read_only_object
            from pg_namespace n
            join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'v', 'm', 'f')
            join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            join pg_type t on t.oid = a.atttypid
            left join pg_constraint p on p.conrelid = c.oid and p.contype = 'p'
            left join (
              select plan ->> 'table' as name, min(plan ->> 'object') as object
              from multiconnect_sync.synced_tables
              where organization_id = \(organization) and plan ->> 'access' = 'read_only' group by 1
            ) m on m.name = c.relname
            where n.nspname = \(schema) and c.relname = any (\(names)::text[])
            order by c.relname, a.attnum
            """)
        var relations: [String: Relation] = [:]
        for row in rows {
            let name: String = try row["name"]
            var relation = relations[try row["relation"], default: Relation()]
            relation.isView = try row["is_view"]
            relation.isCaptured = try row["is_captured"]
            relation.readOnlyObject = try row["read_only_object"]
            if name == "_hc_lastop" { relation.isMapped = true }
            if let column = try Self.column(name, row) {
                relation.columns.append((column, try row["key_position"]))
            }
            relations[try row["relation"]] = relation
        }
        return relations
    }

    /// Nil for a column whose name or type OData does not have.
    private static func column(_ name: String, _ row: Row) throws -> ODataColumn? {
        let type: String = try row["type"]
        guard ODataService.isName(name), let kind = ODataColumn.Kind(rawValue: type) else { return nil }
        let modifier: Int = try row["modifier"]
        let isLimited = modifier >= 4
        let isDecimal = kind == .decimal && isLimited
        return ODataColumn(
            name, kind, isNullable: try row["is_nullable"],
            length: (kind == .varchar || kind == .character) && isLimited ? modifier - 4 : nil,
            precision: isDecimal ? (modifier - 4) >> 16 & 0xFFFF : nil,
            scale: isDecimal ? (modifier - 4) & 0x7FF : nil, isReadOnly: try row["is_generated"])
    }
}

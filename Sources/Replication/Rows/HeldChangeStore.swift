internal import Encoding
package import FoundationEssentials
package import Postgres

/// Change events that wait for the outcome of an insert, in the cell. All access to those of a mapping holds
/// the lock that `RowMerger.begin` takes.
package struct HeldChangeStore: Sendable {
    /// A stored event.
    struct Held: Sendable, Equatable {
        var id: Int
        var change: RecordChange
    }

    package init() {}

    /// The open inserts and upserts of a mapping, for `openInsert(_:)`.
    func selectOpenInserts(of mapping: Mapping) -> SQL {
        """
        select id, sent_at, settle_at, method, epoch from multiconnect_sync.write_attempts
        where organization_id = \(mapping.organizationID) and mapping_id = \(mapping.id)
          and state <> 'settled' and action in ('insert', 'upsert')
        """
    }

    /// The insert in a row of `selectOpenInserts`.
    static func openInsert(_ row: Row) throws -> OpenInsert {
        let method: String = try row["method"]
        return OpenInsert(
            id: try row["id"], sentAt: try row["sent_at"], settleAt: try row["settle_at"],
            method: WriteAttempt.Method(rawValue: method) ?? .bulk, epoch: try row["epoch"])
    }

    /// Whether inserts of a mapping are open, and no attempt of the mapping was settled since a time.
    package func isUnchanged(
        _ mapping: Mapping, since time: Date, on connection: PostgresConnection
    ) async throws -> Bool {
        try await connection.query(
            """
            select exists (\(selectOpenInserts(of: mapping))) and not exists (
              select from multiconnect_sync.write_attempts
              where state = 'settled' and settled_at >= \(time) and mapping_id = \(mapping.id))
            """
        ).scalar()
    }

    /// The entries of rows that these attempts sent.
    func selectEntries(of attempts: [UUID], rows: [Int]) -> SQL {
        """
        select a.id, p.log_id, p.record_id from multiconnect_sync.write_attempts a,
          unnest(a.log_ids, a.record_ids) as p (log_id, record_id)
        where a.id = any (\(attempts)::uuid[]) and p.record_id = any (\(rows)::int[])
        """
    }

    /// The held events of these records in order, for `held(_:)`.
    func select(_ sfids: [String], of mappingID: UUID) -> SQL {
        """
        select h.id, h.sfid, h.attempt_id, h.change::text as change from unnest(\(sfids)::text[]) as c (sfid),
          lateral (select * from multiconnect_sync.held_changes e
            where e.mapping_id = \(mappingID) and e.sfid = c.sfid) h
        where exists (select from multiconnect_sync.held_changes where mapping_id = \(mappingID))
        order by h.id
        """
    }

    /// The event in a row of `select`.
    static func held(_ row: Row) throws -> Held {
        let text: String = try row["change"]
        return Held(
            id: try row["id"],
            change: try RecordChange(
                held: text, sfid: try row["sfid"], attempt: try row["attempt_id"]))
    }

    func insert(_ changes: [RecordChange], of mapping: Mapping) -> SQL {
        """
        insert into multiconnect_sync.held_changes (organization_id, mapping_id, sfid, attempt_id, change)
        select \(mapping.organizationID)::uuid, \(mapping.id)::uuid, sfid, attempt_id::uuid, change::jsonb
        from unnest(\(changes.map(\.sfid))::text[],
          \(changes.map { $0.attempt?.uuidString })::text[], \(changes.map(\.heldText))::text[])
          with ordinality as c (sfid, attempt_id, change, number)
        order by number
        """
    }

    func delete(_ ids: [Int]) -> SQL {
        "delete from multiconnect_sync.held_changes where id = any (\(ids)::bigint[])"
    }

    /// The mappings of an organization that have held events.
    package func mappings(of organizationID: UUID, on connection: PostgresConnection) async throws -> [UUID] {
        try await connection.query(
            """
            select distinct mapping_id from multiconnect_sync.held_changes
            where organization_id = \(organizationID)
            """
        ).column()
    }

    /// Records of a table whose held events can be applied: they have a row now, or the outcome of each
    /// insert that they wait for is known. An attempt that is gone was settled long ago.
    func releasable(in table: MergeStore, of mappingID: UUID, limit: Int) -> SQL {
        """
        select h.sfid from multiconnect_sync.held_changes h
        where h.mapping_id = \(mappingID) and (
          exists (select from \(raw: table.table) t where t.sfid = h.sfid)
          or not exists (
            select from multiconnect_sync.held_changes o
            join multiconnect_sync.write_attempts a on a.id = o.attempt_id and a.state <> 'settled'
            where o.mapping_id = h.mapping_id and o.sfid = h.sfid))
        group by h.sfid order by min(h.id) limit \(limit)
        """
    }

    /// The records that events of this attempt created, with the values of the events.
    package func created(
        by attempt: UUID, of mappingID: UUID, on connection: PostgresConnection
    ) async throws -> [RecordChange] {
        try await connection.query(
            """
            select id, sfid, attempt_id, change::text as change from multiconnect_sync.held_changes
            where mapping_id = \(mappingID) and attempt_id = \(attempt) order by id
            """
        ).map { try Self.held($0).change }.filter { $0.kind == .upsert }
    }
}

extension RecordChange {
    /// The change as it is stored while it is held, without `sfid` and `attempt`.
    fileprivate var heldText: String {
        let kind =
            switch kind {
            case .upsert: "upsert"
            case .patch: "patch"
            case .delete: "delete"
            }
        let cells = cells.sorted { $0.key < $1.key }.map { ($0.key, JSONText.optional($0.value)) }
        let diffs = textDiffs.sorted { $0.key < $1.key }.map { ($0.key, JSONText.string($0.value)) }
        return JSONText.object([
            ("kind", .string(kind)), ("stamp", .string(MergeRule.text(stamp))), ("cells", .object(cells)),
            ("diffs", .object(diffs)),
        ]).text
    }

    fileprivate init(held text: String, sfid: String, attempt: UUID?) throws {
        let json = try JSONValue(parsing: Array(text.utf8))
        let kind: Kind =
            switch json["kind"]?.string {
            case "upsert": .upsert
            case "patch": .patch
            default: .delete
            }
        var cells: [String: String?] = [:]
        for (column, value) in json["cells"]?.object ?? [:] {
            cells.updateValue(value.string, forKey: column)
        }
        self.init(
            sfid: sfid, kind: kind,
            stamp: json["stamp"]?.string.flatMap(MergeRule.date) ?? .distantPast, cells: cells,
            textDiffs: (json["diffs"]?.object ?? [:]).compactMapValues(\.string), attempt: attempt)
    }
}

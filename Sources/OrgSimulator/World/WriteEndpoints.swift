import Encoding
import HTTPWire

/// `/sobjects/X` and `/sobjects/X/<id>`: create, update, delete, upsert. Documented.
extension World {
    /// `POST /sobjects/X`
    mutating func create(_ call: IncomingCall, _ table: Table, _ session: Session, _ version: String)
        throws(APIError) -> Reply
    {
        count("create", org: session.org)
        guard let body = try? JSONValue(parsing: call.body) else { throw .notJSON }
        let write = try write(body, table, row: nil, session)
        let id = table.nextID
        commit([write], transaction(call, session, version), place: session.org - 1)
        return Self.created(id, table, version)
    }

    private static func created(_ id: OrgRecordID, _ table: Table, _ version: String, isUpsert: Bool = false)
        -> Reply
    {
        var members: [(String, JSONText)] = [
            ("id", .string(id.text18)), ("success", true), ("errors", []),
        ]
        if isUpsert { members.append(("created", true)) }
        return Reply.json(.object(members), status: 201).adding(
            "Location", "/services/data/v\(version)/sobjects/\(table.schema.name)/\(id.text18)")
    }

    /// The checked write of a record.
    /// - Parameter row: nil for a create.
    mutating func write(_ record: JSONValue, _ table: Table, row: Int?, _ session: Session) throws(APIError)
        -> RowWrite
    {
        guard row == nil ? table.schema.traits.isCreateable : table.schema.traits.isUpdateable else {
            throw APIError(
                400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type \(table.schema.name) is read only")
        }
        let input = RecordInput(table: table, isCreate: row == nil)
        let values = try input.values(record, in: &orgs[session.org - 1])
        try input.checkUnique(values, row: row, in: &orgs[session.org - 1])
        return RowWrite(
            object: table.schema.name.lowercased(), kind: row == nil ? .create : .update, row: row,
            values: values)
    }

    /// `PATCH` and `DELETE /sobjects/X/<id>`
    mutating func change(
        _ call: IncomingCall, _ table: Table, _ id: OrgRecordID, _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        let row = try Self.live(id, table)
        let write: RowWrite
        if call.method == "DELETE" {
            count("delete", org: session.org)
            write = try deletion(table, row)
        } else {
            count("update", org: session.org)
            guard let body = try? JSONValue(parsing: call.body) else { throw .notJSON }
            write = try self.write(body, table, row: row, session)
        }
        commit([write], transaction(call, session, version), place: session.org - 1)
        return .noContent
    }

    func deletion(_ table: Table, _ row: Int) throws(APIError) -> RowWrite {
        guard table.schema.traits.isDeletable else {
            throw APIError(400, "INSUFFICIENT_ACCESS_OR_READONLY", "entity type cannot be deleted")
        }
        return RowWrite(object: table.schema.name.lowercased(), kind: .delete, row: row)
    }

    /// The row of a live record.
    static func live(_ id: OrgRecordID, _ table: Table) throws(APIError) -> Int {
        guard let row = table.row(id), !table.isPurged(row) else {
            throw APIError(404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields: [])
        }
        guard !table.isDeleted(row) else {
            throw APIError(404, "ENTITY_IS_DELETED", "entity is deleted", fields: [])
        }
        return row
    }

    /// `/sobjects/X/<field>/<value>`
    mutating func byExternalID(
        _ call: IncomingCall, _ table: Table, _ field: String, _ text: String, _ session: Session,
        _ version: String
    ) throws(APIError) -> Reply {
        guard let place = table.schema.place(of: field), table.schema.fields[place].isIDLookup else {
            // Recorded.
            throw APIError(
                404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: \(field)")
        }
        let name = table.schema.name.lowercased()
        let value = try FieldInput.value(.string(text), for: table.schema.fields[place])
        let row: Int? =
            if case .id(let id) = value, place == 0 {
                table.row(id)
            } else {
                orgs[session.org - 1].row(name, place, value)
            }
        if let row, table.isDeleted(row) { throw .notFound }
        switch call.method {
        case "GET":
            count("retrieve", org: session.org)
            guard let row else { throw .notFound }
            return try record(call, table, table.id(row).text18, session, version)
        case "DELETE":
            count("delete", org: session.org)
            guard let row else { throw .notFound }
            commit([try deletion(table, row)], transaction(call, session, version), place: session.org - 1)
            return .noContent
        default:
            count("upsert", org: session.org)
            return try upsert(call, table, (place, value, row), session, version)
        }
    }

    private mutating func upsert(
        _ call: IncomingCall, _ table: Table, _ key: (place: Int, value: FieldValue, row: Int?),
        _ session: Session,
        _ version: String
    ) throws(APIError) -> Reply {
        guard let body = try? JSONValue(parsing: call.body) else { throw .notJSON }
        if key.row == nil, call.query["updateOnly"] == "true" { throw .notFound }
        var write = try self.write(body, table, row: key.row, session)
        if key.place != 0 { write.values[key.place] = key.value }
        let id = key.row.map { table.id($0) } ?? table.nextID
        commit([write], transaction(call, session, version), place: session.org - 1)
        guard key.row != nil else { return Self.created(id, table, version, isUpsert: true) }
        // Documented: older versions answer without a body.
        guard (Double(version) ?? 0) >= 46 else { return .noContent }
        return .json(["id": .string(id.text18), "success": true, "errors": [], "created": false])
    }

    /// `GET /sobjects/X/deleted` and `/updated?start=...&end=...`. Documented: seconds are ignored.
    mutating func replication(_ call: IncomingCall, _ table: Table, _ kind: String, _ session: Session)
        throws(APIError) -> Reply
    {
        count(kind == "deleted" ? "getDeleted" : "getUpdated", org: session.org)
        func minute(_ name: String) -> Int? {
            call.query[name].flatMap { ISO8601.instant($0) }.map { $0 / 60_000 * 60_000 }
        }
        guard let start = minute("start"), let end = minute("end"), start < end else {
            throw APIError(
                400, "INVALID_REPLICATION_DATE", "startDate must precede endDate by at least one minute")
        }
        let covered = ISO8601.text(instant: min(end, call.now / 60_000 * 60_000), zone: "+0000")
        guard kind == "deleted" else {
            let ids = table.changedRows.filter { row in
                guard !table.isDeleted(row), let place = table.systemModstamp,
                    case .instant(let stamp) = table.value(row, place)
                else { return false }
                return stamp >= start && stamp < end
            }
            return .json([
                "ids": .array(ids.map { .string(table.id($0).text18) }),
                "latestDateCovered": .string(covered),
            ])
        }
        let records: [JSONText] = orgs[session.org - 1].log.compactMap { change in
            guard change.object == table.schema.name, change.kind == .delete, change.committed >= start,
                change.committed < end, let row = table.row(change.id), table.isDeleted(row)
            else { return nil }
            let date = ISO8601.text(instant: change.committed / 1000 * 1000, zone: "+0000")
            return ["id": .string(change.id.text18), "deletedDate": .string(date)]
        }
        let day = 24 * 3_600_000
        return .json([
            "deletedRecords": .array(records),
            "earliestDateAvailable": .string(ISO8601.text(instant: call.now - 15 * day, zone: "+0000")),
            "latestDateCovered": .string(covered),
        ])
    }
}

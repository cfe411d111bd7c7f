import Encoding
import HTTPWire

/// `/sobjects/X` and `/sobjects/X/<id>`: create, update, delete, upsert. Documented.
extension World {
    /// `POST /sobjects/X`
    mutating func create(_ call: IncomingCall, _ table: Table, _ session: Session, _ version: String)
        throws(APIError) -> Reply
    {
        count(.create, org: session.org)
        guard let values = (try? JSONValue(parsing: call.body))?.object else { throw .notJSON }
        let outcome = try write(
            RecordRequest(.insert, table.schema.name, values: values), call, session, version)
        return Self.created(outcome, table, version)
    }

    /// Commits one record of a call.
    private mutating func write(
        _ request: RecordRequest, _ call: IncomingCall, _ session: Session, _ version: String
    ) throws(APIError) -> RowOutcome {
        var planner = WritePlanner(call, user: session.user.id)
        let outcome = planner.outcomes([request], in: &orgs[session.org - 1])[0]
        if let error = outcome.error { throw error }
        commit(outcome.write.map { [$0] } ?? [], transaction(call, session, version), place: session.org - 1)
        return outcome
    }

    private static func created(_ outcome: RowOutcome, _ table: Table, _ version: String) -> Reply {
        let id = outcome.id?.text18 ?? ""
        var members: [(String, JSONText)] = [
            ("id", .string(id)), ("success", true), ("errors", []),
        ]
        if outcome.isCreated != nil { members.append(("created", true)) }
        return Reply.json(.object(members), status: 201).adding(
            "Location", "/services/data/v\(version)/sobjects/\(table.schema.name)/\(id)")
    }

    /// `PATCH` and `DELETE /sobjects/X/<id>`
    mutating func change(
        _ call: IncomingCall, _ table: Table, _ id: OrgRecordID, _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        if call.method == "DELETE" {
            count(.delete, org: session.org)
            return try delete(table, id, call, session, version)
        }
        count(.update, org: session.org)
        guard let values = (try? JSONValue(parsing: call.body))?.object else { throw .notJSON }
        _ = try write(
            RecordRequest(.update, table.schema.name, id: id.text18, values: values), call, session, version)
        return .noContent
    }

    private mutating func delete(
        _ table: Table, _ id: OrgRecordID, _ call: IncomingCall, _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        _ = try write(RecordRequest(.delete, table.schema.name, id: id.text18), call, session, version)
        return .noContent
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
        let value = try FieldInput.value(.string(text), for: table.schema.fields[place])
        let rows: [Int] =
            if case .id(let id) = value, place == 0 {
                table.row(id).map { [$0] } ?? []
            } else {
                orgs[session.org - 1].rows(table.schema.name.lowercased(), place, value)
            }
        if rows.count > 1 { return Self.choices(rows, table, version) }
        if let row = rows.first, table.isDeleted(row) { throw .notFound }
        switch call.method {
        case "GET":
            count(.retrieve, org: session.org)
            guard let row = rows.first else { throw .notFound }
            return try record(call, table, table.id(row).text18, session, version)
        case "DELETE":
            count(.delete, org: session.org)
            guard let row = rows.first else { throw .notFound }
            return try delete(table, table.id(row), call, session, version)
        default:
            count(.upsert, org: session.org)
            return try upsert(call, table, (field, text, rows.first), session, version)
        }
    }

    /// Several records have the value. Recorded.
    private static func choices(_ rows: [Int], _ table: Table, _ version: String) -> Reply {
        let base = "/services/data/v\(version)/sobjects/\(table.schema.name)"
        return .json(.array(rows.map { .string("\(base)/\(table.id($0).text18)") }), status: 300)
    }

    private mutating func upsert(
        _ call: IncomingCall, _ table: Table, _ key: (field: String, text: String, row: Int?),
        _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        guard var values = (try? JSONValue(parsing: call.body))?.object else { throw .notJSON }
        if key.row == nil, call.query["updateOnly"] == "true" { throw .notFound }
        values = values.filter { $0.key.lowercased() != key.field.lowercased() }
        values[key.field] = .string(key.text)
        let outcome = try write(
            RecordRequest(.upsert(key.field), table.schema.name, values: values), call, session, version)
        guard outcome.isCreated == false else { return Self.created(outcome, table, version) }
        // Documented: older versions answer without a body.
        guard (Double(version) ?? 0) >= 46 else { return .noContent }
        return .json([
            "id": .optional(outcome.id?.text18), "success": true, "errors": [], "created": false,
        ])
    }

    /// `GET /sobjects/X/deleted` and `/updated?start=...&end=...`. Documented: seconds are ignored.
    mutating func replication(_ call: IncomingCall, _ table: Table, _ kind: String, _ session: Session)
        throws(APIError) -> Reply
    {
        count(kind == "deleted" ? .getDeleted : .getUpdated, org: session.org)
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

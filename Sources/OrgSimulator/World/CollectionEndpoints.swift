import Encoding
import HTTPWire

/// `/composite/sobjects`: up to 200 records in one call. Documented.
extension World {
    mutating func collections(
        _ call: IncomingCall, _ segments: [String], _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        switch (segments.count, call.method) {
        case (0, "POST"), (0, "PATCH"):
            count("collection", org: session.org)
            return try writeAll(call, segments, session, version)
        case (2, "PATCH"):
            count("collection", org: session.org)
            return try writeAll(call, segments, session, version)
        case (0, "DELETE"):
            count("collection", org: session.org)
            return try deleteAll(call, session, version)
        case (1, "POST"), (1, "GET"):
            count("collectionRead", org: session.org)
            return try readAll(call, segments[0], session, version)
        default: throw .notFound
        }
    }

    /// The result of one record, and its write if it is valid.
    private struct Outcome {
        var id: OrgRecordID?
        var write: RowWrite?
        var error: APIError?
        var isCreated: Bool?
    }

    private mutating func writeAll(
        _ call: IncomingCall, _ segments: [String], _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        guard let body = try? JSONValue(parsing: call.body), let records = body["records"]?.array else {
            throw .notJSON
        }
        guard records.count <= configuration.limits.collectionRows else {
            throw APIError(
                400, "EXCEEDED_MAX_SEMIJOIN_SUBSELECTS",
                "record limit reached. cannot submit more than 200 records")
        }
        var outcomes: [Outcome] = []
        // The numbers of new rows of each object, to predict their ids.
        var created: [String: Int] = [:]
        for record in records {
            outcomes.append(
                outcome(record, call.method, upsertOf: segments, session, created: &created))
        }
        return finish(outcomes, call, allOrNone: body["allOrNone"]?.bool ?? false, session, version)
    }

    private mutating func outcome(
        _ record: JSONValue, _ method: String, upsertOf segments: [String], _ session: Session,
        created: inout [String: Int]
    ) -> Outcome {
        var outcome = Outcome()
        do throws(APIError) {
            let name = record["attributes"]?["type"]?.string ?? segments.first ?? ""
            guard let table = orgs[session.org - 1].table(name) else {
                throw APIError(400, "INVALID_TYPE", "sObject type '\(name)' is not supported.")
            }
            var row: Int?
            var members = record.object ?? [:]
            if segments.count == 2 {
                row = try upsertRow(table, segments[1], record, session)
                outcome.isCreated = row == nil
                if segments[1].lowercased() == "id" {
                    members = members.filter { $0.key.lowercased() != "id" }
                }
            } else if method == "PATCH" {
                let entry = members.first { $0.key.lowercased() == "id" }
                guard let id = OrgRecordID(entry?.value.string ?? "") else {
                    throw APIError(400, "MISSING_ARGUMENT", "Id not specified in an update call", fields: [])
                }
                outcome.id = id
                row = try Self.live(id, table)
                members = members.filter { $0.key.lowercased() != "id" }
            }
            outcome.write = try write(.object(members), table, row: row, session)
            outcome.id = row.map { table.id($0) }
            if row == nil {
                let key = name.lowercased()
                outcome.id = table.space.id(table.rowCount + 1 + created[key, default: 0])
                created[key, default: 0] += 1
            }
        } catch {
            outcome.error = error
        }
        return outcome
    }

    private mutating func upsertRow(
        _ table: Table, _ field: String, _ record: JSONValue, _ session: Session
    ) throws(APIError) -> Int? {
        guard let place = table.schema.place(of: field), table.schema.fields[place].isIDLookup else {
            throw APIError(
                400, "INVALID_FIELD",
                "Provided external ID field does not exist or is not accessible: \(field)")
        }
        let json = record.object?.first { $0.key.lowercased() == field.lowercased() }?.value ?? .null
        let value = try FieldInput.value(json, for: table.schema.fields[place])
        if value == .null { return nil }
        if case .id(let id) = value, place == 0 { return try Self.live(id, table) }
        return orgs[session.org - 1].row(table.schema.name.lowercased(), place, value)
    }

    private mutating func deleteAll(_ call: IncomingCall, _ session: Session, _ version: String)
        throws(APIError) -> Reply
    {
        let ids = call.query["ids"]?.split(separator: ",").map(String.init) ?? []
        guard ids.count <= configuration.limits.collectionRows else {
            throw APIError(
                400, "EXCEEDED_MAX_SEMIJOIN_SUBSELECTS",
                "record limit reached. cannot submit more than 200 records")
        }
        var outcomes: [Outcome] = []
        for text in ids {
            var outcome = Outcome()
            do throws(APIError) {
                guard let id = OrgRecordID(text) else {
                    throw APIError(400, "MALFORMED_ID", "malformed id \(text)", fields: [])
                }
                outcome.id = id
                guard let table = orgs[session.org - 1].table(ofID: id) else {
                    throw APIError(
                        404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields: [])
                }
                outcome.write = try deletion(table, try Self.live(id, table))
            } catch {
                outcome.error = error
            }
            outcomes.append(outcome)
        }
        return finish(outcomes, call, allOrNone: call.query["allOrNone"] == "true", session, version)
    }

    /// Commits the valid writes, and answers. With all-or-none one error refuses all.
    private mutating func finish(
        _ outcomes: [Outcome], _ call: IncomingCall, allOrNone: Bool, _ session: Session, _ version: String
    ) -> Reply {
        var outcomes = outcomes
        if allOrNone, outcomes.contains(where: { $0.error != nil }) {
            for place in outcomes.indices where outcomes[place].error == nil {
                outcomes[place].error = APIError(
                    400, "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                    "Record rolled back because not all records were valid and the request was using "
                        + "AllOrNone header",
                    fields: [])
            }
        } else {
            commit(outcomes.compactMap(\.write), transaction(call, session, version), place: session.org - 1)
        }
        return .json(.array(outcomes.map(Self.document)))
    }

    private static func document(_ outcome: Outcome) -> JSONText {
        var members: [(String, JSONText)] = []
        if let id = outcome.id, outcome.error == nil { members.append(("id", .string(id.text18))) }
        members.append(("success", .bool(outcome.error == nil)))
        let errors: [JSONText] =
            outcome.error.map { error in
                [
                    [
                        "statusCode": .string(error.code), "message": .string(error.message),
                        "fields": .array((error.fields ?? []).map(JSONText.string)),
                    ]
                ]
            } ?? []
        members.append(("errors", .array(errors)))
        if let isCreated = outcome.isCreated, outcome.error == nil {
            members.append(("created", .bool(isCreated)))
        }
        return .object(members)
    }

    /// Records by id, null for those that do not exist.
    private mutating func readAll(_ call: IncomingCall, _ name: String, _ session: Session, _ version: String)
        throws(APIError) -> Reply
    {
        let ids: [String]
        let fields: [String]
        if call.method == "POST" {
            guard let body = try? JSONValue(parsing: call.body) else { throw .notJSON }
            ids = body["ids"]?.array?.compactMap(\.string) ?? []
            fields = body["fields"]?.array?.compactMap(\.string) ?? []
        } else {
            ids = call.query["ids"]?.split(separator: ",").map(String.init) ?? []
            fields = call.query["fields"]?.split(separator: ",").map(String.init) ?? []
        }
        guard ids.count <= 2000, !fields.isEmpty else {
            throw APIError(400, "INVALID_INPUT", "up to 2000 ids and at least one field are needed")
        }
        guard orgs[session.org - 1].table(name) != nil else { throw .notFound }
        let plan = try plan(
            "SELECT \(fields.joined(separator: ",")) FROM \(name)", session, includesDeleted: false)
        let renderer = RecordJSON(plan, version: version)
        var bytes: [UInt8] = [0x5B]
        for (index, text) in ids.enumerated() {
            if index > 0 { bytes.append(0x2C) }
            if let id = OrgRecordID(text), let row = plan.table.row(id), plan.isVisible(row) {
                renderer.append([Int32(row)], to: &bytes)
            } else {
                bytes.append(contentsOf: "null".utf8)
            }
        }
        bytes.append(0x5D)
        return .json(bytes: bytes)
    }
}

extension Org {
    /// The visible table of an id's object.
    func table(ofID id: OrgRecordID) -> Table? {
        let prefix = String(id.text15.prefix(3))
        return tables.values.first { $0.schema.keyPrefix == prefix }.flatMap { table($0.schema.name) }
    }
}

import Encoding
import HTTPWire

/// `/composite/sobjects`: up to 200 records in one call. Documented.
extension World {
    mutating func collections(
        _ call: IncomingCall, _ segments: [String], _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        switch (segments.count, call.method) {
        case (0, "POST"), (0, "PATCH"):
            count(.collection, org: session.org)
            return try writeAll(call, segments, session, version)
        case (2, "PATCH"):
            count(.collection, org: session.org)
            return try writeAll(call, segments, session, version)
        case (0, "DELETE"):
            count(.collection, org: session.org)
            return try deleteAll(call, session, version)
        case (1, "POST"), (1, "GET"):
            count(.collectionRead, org: session.org)
            return try readAll(call, segments[0], session, version)
        default: throw .notFound
        }
    }

    private mutating func writeAll(
        _ call: IncomingCall, _ segments: [String], _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        guard let body = try? JSONValue(parsing: call.body), let records = body["records"]?.array else {
            throw .notJSON
        }
        if call.method == "POST", !records.isEmpty,
            records.allSatisfy({ $0["attributes"]?["type"]?.string?.hasSuffix("__e") == true })
        {
            return try publishAll(records, call, session)
        }
        var requests: [RecordRequest] = []
        requests.reserveCapacity(records.count)
        var chunks = 0
        for record in records {
            let object = record["attributes"]?["type"]?.string ?? segments.first ?? ""
            if requests.last.map({ $0.object.lowercased() != object.lowercased() }) ?? true { chunks += 1 }
            requests.append(Self.request(record, object, call.method, upsertBy: segments.dropFirst().first))
        }
        guard chunks <= configuration.limits.collectionChunks else {
            // Recorded text, assumed code.
            throw APIError(
                400, "INVALID_OPERATION",
                "Cannot have more than 10 chunks in a single operation. Please rearrange the data to reduce "
                    + "chunking.")
        }
        return try carryOut(
            requests, call, allOrNone: body["allOrNone"]?.bool ?? false, session, version)
    }

    private static func request(
        _ record: JSONValue, _ object: String, _ method: String, upsertBy field: String?
    ) -> RecordRequest {
        var values = record.object ?? [:]
        if let field { return RecordRequest(.upsert(field), object, values: values) }
        guard method == "PATCH" else { return RecordRequest(.insert, object, values: values) }
        guard let key = ["id", "Id"].first(where: { values[$0] != nil }) ?? Self.idKey(values) else {
            return RecordRequest(.update, object, values: values)
        }
        let id = values.removeValue(forKey: key)?.string ?? ""
        return RecordRequest(.update, object, id: id, values: values)
    }

    private static func idKey(_ values: [String: JSONValue]) -> String? {
        values.keys.first { $0.lowercased() == "id" }
    }

    private mutating func deleteAll(_ call: IncomingCall, _ session: Session, _ version: String)
        throws(APIError) -> Reply
    {
        let ids = call.query["ids"]?.split(separator: ",").map(String.init) ?? []
        var requests: [RecordRequest] = []
        for text in ids {
            let object = OrgRecordID(text).flatMap { orgs[session.org - 1].table(ofID: $0)?.schema.name }
            requests.append(RecordRequest(.delete, object ?? "", id: text))
        }
        return try carryOut(requests, call, allOrNone: call.query["allOrNone"] == "true", session, version)
    }

    /// Commits the valid records, and answers. With all-or-none one error refuses all.
    private mutating func carryOut(
        _ requests: [RecordRequest], _ call: IncomingCall, allOrNone: Bool, _ session: Session,
        _ version: String
    ) throws(APIError) -> Reply {
        guard requests.count <= configuration.limits.collectionRows else {
            // Recorded.
            throw APIError(
                400, "EXCEEDED_ID_LIMIT",
                "record limit reached. cannot submit more than 200 records into this call")
        }
        var planner = WritePlanner(call, user: session.user.id)
        var outcomes = planner.outcomes(requests, in: &orgs[session.org - 1])
        if configuration.assumptions.wrongTypesRefuseCollections,
            let error = outcomes.lazy.compactMap(\.error).first(where: { $0.code == FieldInput.mismatchCode })
        {
            throw error
        }
        if allOrNone, outcomes.contains(where: { $0.error != nil }) {
            for place in outcomes.indices where outcomes[place].error == nil {
                outcomes[place].refuse(.rolledBack)
            }
        } else {
            commit(outcomes.compactMap(\.write), transaction(call, session, version), place: session.org - 1)
        }
        return .json(.array(outcomes.map(Self.document)))
    }

    private static func document(_ outcome: RowOutcome) -> JSONText {
        var members: [(String, JSONText)] = []
        // Recorded: a record that was rolled back keeps its id.
        if let id = outcome.id, outcome.error == nil || outcome.error == .rolledBack {
            members.append(("id", .string(id.text18)))
        }
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

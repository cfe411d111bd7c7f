import Encoding
import HTTPWire

/// `/services/data/vXX.0/...` and `/services/apexrest/...`.
extension World {
    mutating func data(_ call: IncomingCall, _ segments: [String], _ session: Session) throws(APIError)
        -> Reply
    {
        guard let first = segments.first, let version = APIVersions.version(first) else { throw .notFound }
        let rest = Array(segments.dropFirst())
        guard let resource = rest.first else { return .json(Self.resources(version)) }
        switch resource {
        case "query", "queryAll":
            try allow(call, ["GET"])
            return try query(call, rest, session, version)
        case "sobjects": return try objects(call, Array(rest.dropFirst()), session, version)
        case "limits":
            try allow(call, ["GET"])
            return rest.count > 1 ? recordCount(call, session) : limits(session, now: call.now)
        case "composite" where rest.count >= 2 && rest[1] == "sobjects":
            return try collections(call, Array(rest.dropFirst(2)), session, version)
        case "composite" where rest.count == 1:
            try allow(call, ["POST"])
            return try composite(call, session)
        case "tooling" where rest.count == 2 && rest[1] == "query":
            try allow(call, ["GET"])
            return try toolingQuery(call, session, version)
        case "event" where rest.count == 3 && rest[1] == "eventSchema":
            try allow(call, ["GET"])
            return try eventSchema(rest[2], session)
        case "jobs" where rest.count >= 2 && rest[1] == "query":
            return try bulk(call, Array(rest.dropFirst(2)), session, version)
        case "jobs" where rest.count >= 2 && rest[1] == "ingest":
            return try ingest(call, Array(rest.dropFirst(2)), session, version)
        default: throw .notFound
        }
    }

    /// Assumed text.
    func allow(_ call: IncomingCall, _ methods: [String]) throws(APIError) {
        guard methods.contains(call.method) || call.method == "HEAD" && methods.contains("GET") else {
            throw .notAllowed(
                call.method, allowed: methods.contains("GET") ? "HEAD,GET" : methods.joined(separator: ","))
        }
    }

    /// Documented. Lists only the simulated resources.
    private static func resources(_ version: String) -> JSONText {
        let base = "/services/data/v\(version)"
        return [
            "sobjects": .string("\(base)/sobjects"), "query": .string("\(base)/query"),
            "queryAll": .string("\(base)/queryAll"), "limits": .string("\(base)/limits"),
            "jobs": .string("\(base)/jobs"),
            "composite": .string("\(base)/composite"), "tooling": .string("\(base)/tooling"),
            "identity": .string("\(base)/identity"),
        ]
    }

    private mutating func objects(
        _ call: IncomingCall, _ segments: [String], _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        // No copy of the org is held: a write would copy its events and log.
        guard let name = segments.first else {
            try allow(call, ["GET"])
            count(.globalDescribe, org: session.org)
            if isUnmodified(call, session) { return Reply(status: 304) }
            let org = orgs[session.org - 1]
            let tables = org.listedTables
            return .json([
                "encoding": "UTF-8", "maxBatchSize": 200,
                "sobjects": .array(tables.map { describe(org, $0, version, call).summary }),
            ])
        }
        if segments.count == 1, let kind = eventKind(name, session) {
            try allow(call, ["POST"])
            return try publish(call, kind, session)
        }
        guard let table = orgs[session.org - 1].table(name) else { throw .notFound }
        switch segments.count {
        case 1:
            try allow(call, ["GET", "POST"])
            if call.method == "POST" { return try create(call, table, session, version) }
            count(.objectInformation, org: session.org)
            return .json([
                "objectDescribe": describe(orgs[session.org - 1], table, version, call).summary,
                "recentItems": [],
            ])
        case 2 where segments[1] == "describe":
            try allow(call, ["GET"])
            count(.describe, org: session.org)
            if isUnmodified(call, session) { return Reply(status: 304) }
            return .json(describe(orgs[session.org - 1], table, version, call).document)
        case 2 where segments[1] == "deleted" || segments[1] == "updated":
            try allow(call, ["GET"])
            return try replication(call, table, segments[1], session)
        case 2:
            try allow(call, ["GET", "PATCH", "DELETE", "POST"])
            if let id = OrgRecordID(segments[1]), call.method != "GET" {
                return try change(call, table, id, session, version)
            }
            count(.retrieve, org: session.org)
            return try record(call, table, segments[1], session, version)
        case 3:
            try allow(call, ["GET", "PATCH", "DELETE"])
            return try byExternalID(call, table, segments[1], segments[2], session, version)
        default: throw .notFound
        }
    }

    /// Documented: a describe that did not change since `If-Modified-Since` is answered with 304.
    private func isUnmodified(_ call: IncomingCall, _ session: Session) -> Bool {
        guard let text = call.headers["if-modified-since"], let since = HTTPDate.seconds(text) else {
            return false
        }
        return orgs[session.org - 1].describedAt / 1000 < since
    }

    private func describe(_ org: Org, _ table: Table, _ version: String, _ call: IncomingCall)
        -> DescribeDocument
    {
        DescribeDocument(org: org, object: table.schema, version: version, origin: origin(call))
    }

    /// `GET /sobjects/X/<id>[?fields=A,B]`. Documented.
    func record(
        _ call: IncomingCall, _ table: Table, _ segment: String, _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        guard let id = OrgRecordID(segment) else {
            // Recorded: also for a path segment that is not an id.
            throw APIError(
                404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: \(segment)"
            )
        }
        guard let row = table.row(id), !table.isDeleted(row) else { throw .notFound }
        let org = orgs[session.org - 1]
        let visible = table.schema.fields.filter { org.isVisible($0, of: table.schema) }.map(\.name)
        let names = call.query["fields"]?.split(separator: ",").map(String.init) ?? visible
        let plan = try plan(
            "SELECT \(names.joined(separator: ",")) FROM \(table.schema.name)", session,
            includesDeleted: false)
        var bytes: [UInt8] = []
        RecordJSON(plan, version: version).append([Int32(row)], to: &bytes)
        return .json(bytes: bytes)
    }

    /// `GET /limits`. Some of the documented keys.
    private mutating func limits(_ session: Session, now: Int) -> Reply {
        count(.limits, org: session.org)
        let org = orgs[session.org - 1]
        let delivered = org.delivered.count(now: now)
        let clients = clientsByOrg[session.org]?.count ?? 0
        func limit(_ maximum: Int, used: Int = 0) -> JSONText {
            ["Max": .number(maximum), "Remaining": .number(max(0, maximum - used))]
        }
        return .json([
            "DailyApiRequests": limit(configuration.dailyRequests, used: org.requests),
            "DailyBulkApiBatches": limit(15_000), "DailyBulkV2QueryJobs": limit(10_000, used: org.serial),
            "DailyBulkV2QueryFileStorageMB": limit(976_562),
            "DailyDeliveredPlatformEvents": limit(org.deliveryAllowance, used: delivered),
            "HourlyPublishedPlatformEvents": limit(50_000),
            "StreamingApiConcurrentClients": limit(configuration.streamingClients, used: clients),
            "DurableStreamingApiConcurrentClients": limit(configuration.streamingClients, used: clients),
            "DailyStreamingApiEvents": limit(org.deliveryAllowance, used: delivered),
            "DataStorageMB": limit(5), "FileStorageMB": limit(20), "HourlyODataCallout": limit(20_000),
        ])
    }

    /// `GET /limits/recordCount?sObjects=A,B`. Documented: objects without rows are left out.
    private mutating func recordCount(_ call: IncomingCall, _ session: Session) -> Reply {
        count(.recordCount, org: session.org)
        let org = orgs[session.org - 1]
        let names =
            call.query["sObjects"]?.split(separator: ",").map(String.init)
            ?? org.listedTables.map(\.schema.name)
        let counts: [JSONText] = names.compactMap { name in
            guard let table = org.table(name), table.liveCount > 0 else { return nil }
            return ["count": .number(table.liveCount), "name": .string(table.schema.name)]
        }
        return .json(["sObjects": .array(counts)])
    }

    /// `POST /services/apexrest/[namespace/]AuthConnection`: the package's own endpoint.
    mutating func apexREST(
        _ call: IncomingCall, _ segments: [String], _ session: Session
    ) throws(APIError) -> Reply {
        let expected = (configuration.namespace.map { [$0] } ?? []) + ["AuthConnection"]
        guard orgs[session.org - 1].hasPackage, segments == expected else {
            // Assumed text.
            throw APIError(404, "NOT_FOUND", "Could not find a match for URL")
        }
        guard call.method == "POST" else { throw .notAllowed(call.method, allowed: "POST") }
        guard let body = try? JSONValue(parsing: call.body) else { throw .notJSON }
        count(.authConnection, org: session.org)
        if orgs[session.org - 1].announcements.count < configuration.limits.recordedCalls {
            orgs[session.org - 1].announcements.append(.raw(body.serialized))
        }
        return .json(["success": true])
    }
}

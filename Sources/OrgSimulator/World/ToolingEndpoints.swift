import Encoding
import HTTPWire

/// `/tooling/query` for the channels of change events, and `/event/eventSchema/<id>`.
extension World {
    /// Queries of PlatformEventChannel and PlatformEventChannelMember. Documented: Tooling API.
    mutating func toolingQuery(_ call: IncomingCall, _ session: Session, _ version: String) throws(APIError)
        -> Reply
    {
        count(.toolingQuery, org: session.org)
        guard let text = call.query["q"] else {
            throw APIError(400, "MALFORMED_QUERY", "A query string has to be specified")
        }
        var org = orgs[session.org - 1]
        org.tables = ChannelRows(org: org).tables
        do throws(SOQLError) {
            let plan = try QueryPlan(SOQLParser.parse(text), in: org, owner: nil, includesDeleted: false)
            let rows = plan.rows()
            var bytes = Array(
                #"{"size":\#(rows.count),"totalSize":\#(rows.count),"done":true,"records":["#.utf8)
            if plan.query.selection != .count {
                RecordJSON(plan, version: version + "/tooling").append(rows[...], to: &bytes)
            }
            bytes.append(contentsOf: "]}".utf8)
            return .json(bytes: bytes)
        } catch {
            throw .query(error, text)
        }
    }

    /// The Avro schema of a change event. Documented.
    mutating func eventSchema(_ id: String, _ session: Session) throws(APIError) -> Reply {
        count(.eventSchema, org: session.org)
        for table in orgs[session.org - 1].listedTables {
            let layout = orgs[session.org - 1].layout(table.schema)
            if layout.schemaID == id { return .json(layout.document) }
        }
        throw .notFound
    }
}

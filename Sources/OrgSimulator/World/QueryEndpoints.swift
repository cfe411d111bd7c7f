import Encoding
import HTTPWire

/// `GET /query`, `/queryAll` and the pages after the first.
extension World {
    /// Resolves a query in the caller's org.
    func plan(
        _ text: String, _ session: Session, includesDeleted: Bool
    ) throws(APIError) -> QueryPlan {
        guard text.count <= configuration.limits.queryCharacters else {
            throw APIError(
                400, "MALFORMED_QUERY", "SOQL statements cannot be longer than 100000 characters.")
        }
        do throws(SOQLError) {
            let org = orgs[session.org - 1]
            let plan = try QueryPlan(
                SOQLParser.parse(text), in: org, owner: session.owner(configuration.assumptions),
                includesDeleted: includesDeleted)
            let name = plan.table.schema.name
            guard plan.query.condition != nil || !org.needsFilter.contains(name.lowercased()) else {
                // Recorded by many. The text is in the user's language.
                throw SOQLError(
                    code: .malformedQuery,
                    reason: "Implementation restriction: \(name) requires a filter by a single Id or by Ids",
                    offset: nil)
            }
            return plan
        } catch {
            throw .query(error, text)
        }
    }

    mutating func query(
        _ call: IncomingCall, _ segments: [String], _ session: Session, _ version: String
    ) throws(APIError) -> Reply {
        if segments.count == 2 {
            count(.queryMore, org: session.org)
            return try more(segments[1], session, version)
        }
        guard let text = call.query["q"] else {
            throw APIError(400, "MALFORMED_QUERY", "A query string has to be specified")
        }
        let includesDeleted = segments[0] == "queryAll"
        count(includesDeleted ? .queryAll : .query, org: session.org)
        let plan = try plan(text, session, includesDeleted: includesDeleted)
        let rows = plan.rows()
        if plan.query.selection == .count {
            return .json(["totalSize": .number(rows.count), "done": true, "records": []])
        }
        let cursor = Cursor(
            org: session.org, user: session.user.id, plan: plan, rows: rows, pageRows: pageRows(call))
        var id: OrgRecordID?
        if rows.count > cursor.pageRows {
            let new = newID("01g", org: session.org)
            cursors[new] = cursor
            cursorOrder.append(new)
            if cursorOrder.count > configuration.limits.cursors {
                cursors[cursorOrder.removeFirst()] = nil
            }
            id = new
        }
        return page(cursor, id: id, from: 0, version)
    }

    /// `Sforce-Query-Options: batchSize=1000`. Documented: 200 to 2000, a hint.
    private func pageRows(_ call: IncomingCall) -> Int {
        let options = call.headers["sforce-query-options"]?.split(separator: ",") ?? []
        for option in options {
            let parts = option.split(separator: "=").map { $0.filter { $0 != " " } }
            if parts.count == 2, parts[0].lowercased() == "batchsize", let rows = Int(parts[1]) {
                return min(max(rows, 200), configuration.limits.pageRows)
            }
        }
        return configuration.limits.pageRows
    }

    private func more(_ locator: String, _ session: Session, _ version: String) throws(APIError) -> Reply {
        let parts = locator.split(separator: "-")
        guard parts.count == 2, let id = OrgRecordID(String(parts[0])), let start = Int(parts[1]),
            let cursor = cursors[id], cursor.org == session.org, cursor.user == session.user.id,
            start >= 0, start <= cursor.rows.count
        else { throw .badLocator }
        return page(cursor, id: id, from: start, version)
    }

    /// Recorded: the last page has `done` true and no `nextRecordsUrl`; later pages of queryAll are under
    /// `/query/`.
    private func page(_ cursor: Cursor, id: OrgRecordID?, from start: Int, _ version: String) -> Reply {
        let end = min(start + cursor.pageRows, cursor.rows.count)
        var bytes = Array(#"{"totalSize":\#(cursor.rows.count),"done":\#(end == cursor.rows.count)"#.utf8)
        if let id, end < cursor.rows.count {
            let url = "/services/data/v\(version)/query/\(id.text18)-\(end)"
            bytes.append(contentsOf: #","nextRecordsUrl":"\#(url)""#.utf8)
        }
        bytes.append(contentsOf: #","records":["#.utf8)
        RecordJSON(cursor.plan, version: version).append(cursor.rows[start..<end], to: &bytes)
        bytes.append(contentsOf: "]}".utf8)
        return .json(bytes: bytes)
    }
}

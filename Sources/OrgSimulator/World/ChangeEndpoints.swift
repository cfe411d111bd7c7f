import Encoding
import HTTPWire

/// `/simulator/orgs/<org>/changes`. See `OrgChangeRequest`.
extension World {
    mutating func change(_ call: IncomingCall, _ place: Int) -> Reply {
        guard let body = try? JSONValue(parsing: call.body), let request = OrgChangeRequest(body) else {
            return .json(["error": "not a change: see OrgChangeRequest"], status: 400)
        }
        do throws(APIError) {
            return .json(try apply(request, place, now: call.now))
        } catch {
            return error.reply
        }
    }

    private mutating func apply(_ request: OrgChangeRequest, _ place: Int, now: Int) throws(APIError)
        -> JSONText
    {
        let commit = Commit(
            user: orgs[place].users[1].id, now: now + (request.visibleAfter ?? 0), stamp: now,
            eventDelay: request.delay ?? orgs[place].nextEventDelay())
        var ids: [OrgRecordID] = []
        var changes = 0
        switch request.kind {
        case .settings:
            OrgSettings.apply(request.settings, to: &orgs[place])
            if request.settings["endSessions"]?.bool == true { removeClients(org: place + 1) }
            if request.settings["expireTokens"]?.bool == true { ledger.endAccessTokens(org: place + 1) }
        case .gap, .overflow, .wildcard: changes = try publishGap(request, place, commit, &ids)
        case .addField, .removeField, .lengthenField, .retypeField, .formula, .removeObject, .restoreObject:
            guard orgs[place].changeSchema(request, now: now) else {
                throw APIError(400, "INVALID_INPUT", "no such object or field, or the field exists")
            }
            if request.kind == .retypeField { _ = try publishGap(request, place, commit, &ids) }
        default: changes = try makeChanges(request, place, commit, &ids)
        }
        wake(place)
        return [
            "changes": .number(changes), "ids": .array(ids.prefix(10_000).map { .string($0.text18) }),
            "serial": .number(orgs[place].logged), "replayId": .number(orgs[place].events.lastReplayID),
            "committed": .number(commit.now),
        ]
    }

    private mutating func makeChanges(
        _ request: OrgChangeRequest, _ place: Int, _ commit: Commit, _ ids: inout [OrgRecordID]
    ) throws(APIError) -> Int {
        var plan = ChangePlan(request)
        let total = request.ids?.count ?? (request.records.isEmpty ? request.count : request.records.count)
        let batch = max(1, request.batch ?? (request.kind == .random ? 1 : total))
        var changes = 0
        var start = 0
        while start < total {
            let count = min(batch, total - start)
            let writes = try plan.writes(count, from: start, in: &orgs[place])
            start += count
            changes += writes.count
            if request.visibleAfter != nil {
                commitLater(
                    PendingCommit(visibleAt: commit.now, writes: writes, commit: commit), place: place)
                continue
            }
            let rows = self.commit(writes, commit, place: place)
            for (write, row) in zip(writes, rows) where row >= 0 && ids.count < 10_000 {
                if let id = orgs[place].tables[write.object]?.id(row) { ids.append(id) }
            }
        }
        return changes
    }

    /// Publishes an event that has a header only.
    private mutating func publishGap(
        _ request: OrgChangeRequest, _ place: Int, _ commit: Commit, _ ids: inout [OrgRecordID]
    ) throws(APIError) -> Int {
        guard let schema = orgs[place].tables[request.object.lowercased()]?.schema else {
            throw APIError(400, "INVALID_INPUT", "no object \(request.object)")
        }
        switch request.kind {
        case .overflow:
            orgs[place].publishHeader(schema, "GAP_OVERFLOW", ids: ["000000000000000AAA"], commit)
            return 0
        case .wildcard, .retypeField:
            orgs[place].publishHeader(schema, "GAP_UPDATE", ids: ["\(schema.keyPrefix)*"], commit)
            return 0
        default: break
        }
        var changes = 0
        if request.recordIDs.isEmpty {
            // The rows change without events; the gap names them.
            var plan = ChangePlan(request)
            var writes = try plan.writes(request.ids?.count ?? request.count, from: 0, in: &orgs[place])
            for index in writes.indices { writes[index].isAnnounced = false }
            changes = writes.count
            for (write, row) in zip(writes, self.commit(writes, commit, place: place)) where row >= 0 {
                if let id = orgs[place].tables[write.object]?.id(row) { ids.append(id) }
            }
        }
        let named = request.recordIDs.isEmpty ? ids.map(\.text18) : request.recordIDs
        orgs[place].publishHeader(schema, request.changeType, ids: named, commit)
        return changes
    }

    /// The last changes of rows.
    func changeLog(_ call: IncomingCall, _ place: Int) -> Reply {
        let after = call.query["after"].flatMap { Int($0) } ?? 0
        let limit = call.query["limit"].flatMap { Int($0) } ?? 10_000
        let log = orgs[place].log
        let first = log.first?.serial ?? 1
        let changes = log.dropFirst(max(0, after - first + 1)).prefix(limit)
        return .json(
            .array(
                changes.map {
                    [
                        "serial": .number($0.serial), "object": .string($0.object),
                        "sfid": .string($0.id.text18),
                        "kind": .string($0.kind.rawValue), "committed": .number($0.committed),
                    ]
                }))
    }
}

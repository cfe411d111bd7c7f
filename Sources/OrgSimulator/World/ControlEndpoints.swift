import Encoding
import FoundationEssentials
import HTTPWire

/// `/simulator/...` and `/__simulator__/...`: what tests can read and change. Salesforce has no such
/// endpoints.
///
/// - `GET /simulator`: origin, client id and secret, number of orgs.
/// - `GET /simulator/orgs`, `/simulator/orgs/<org>`: ids, names, users and their rights, rows of each object.
///   `<org>` is a number counted from 1, or an id of 15 or 18 characters.
/// - `GET /simulator/orgs/<org>/objects/<name>/rows`: the live rows, one JSON object per line, with the
///   values of `TableChecksums`.
/// - `GET /simulator/orgs/<org>/objects/<name>/checksums[?fields=A,B]`: see `TableChecksums`.
/// - `GET /simulator/orgs/<org>/calls`: the number of calls by kind; `DELETE` resets them.
/// - `POST /simulator/orgs/<org>/changes`: see `OrgChangeRequest`.
/// - `GET /simulator/orgs/<org>/changes[?after=<serial>&limit=<n>]`: the last changes of rows, oldest first,
///   each with
///   `serial`, `object`, `sfid`, `kind` and `committed` (milliseconds since 1970).
/// - `GET /simulator/orgs/<org>/writes[?after=<serial>&limit=<n>&object=<name>&id=<id>&kind=<kind>]`: the
///   last writes of API calls, in the order of their commits; see `WriteDocument`. `DELETE` forgets them.
/// - `POST /simulator/orgs/<org>/events`: see `controlEvents`.
/// - `POST`, `GET /simulator/orgs/<org>/outbound`: see `controlOutbound`.
/// - `POST`, `GET /simulator/orgs/<org>/callouts`: see `controlCallouts`.
/// - `GET /simulator/orgs/<org>/announcements`: bodies of calls to AuthConnection; `DELETE` removes them.
/// - `GET /simulator/orgs/<org>/canvas`, `.../signed-request`: see `CanvasEndpoints.swift`.
/// - `POST /simulator/faults`: see `FaultRequest`; `GET` lists the open rules, `DELETE` ends them.
extension World {
    mutating func control(_ call: IncomingCall, _ segments: [String]) -> Reply {
        switch (segments.first, segments.count) {
        case (nil, _):
            return .json([
                "origin": .string(origin(call)), "clientId": .string(configuration.clientID),
                "clientSecret": .string(configuration.clientSecret),
                "password": .string(configuration.password), "orgs": .number(orgs.count),
            ])
        case ("orgs", 1): return .json(.array(orgs.map(Self.document)))
        case ("orgs", _):
            guard let place = place(ofOrg: segments[1]) else { return Self.unknown("org \(segments[1])") }
            return controlOrg(call, place, Array(segments.dropFirst(2)))
        case ("faults", 1): return controlFaults(call)
        default: return Self.unknown(call.path)
        }
    }

    private static func unknown(_ what: String) -> Reply {
        .json(["error": .string("no \(what)")], status: 404)
    }

    private func place(ofOrg text: String) -> Int? {
        if let number = Int(text), number >= 1, number <= orgs.count { return number - 1 }
        guard let id = OrgRecordID(text) else { return nil }
        return orgs.firstIndex { $0.id == id }
    }

    private static func document(_ org: Org) -> JSONText {
        let counts = Catalog.objects.compactMap { org.tables[$0.name.lowercased()] }.map {
            ($0.schema.name, JSONText.number($0.liveCount))
        }
        return [
            "number": .number(org.number), "id": .string(org.id.text18), "name": .string(org.name),
            "domain": .string(org.domain), "hasPackage": .bool(org.hasPackage),
            "users": .array(
                org.users.map { user in
                    [
                        "username": .string(user.username), "id": .string(user.id.text18),
                        "rights": .array(user.rights.map(\.rawValue).sorted().map(JSONText.string)),
                    ]
                }), "objects": .object(counts),
        ]
    }

    private mutating func controlOrg(_ call: IncomingCall, _ place: Int, _ segments: [String]) -> Reply {
        switch (segments.first, segments.count) {
        case (nil, _): return .json(Self.document(orgs[place]))
        case ("calls", 1):
            if call.method == "DELETE" {
                orgs[place].calls = [:]
                return .noContent
            }
            let calls = orgs[place].calls.sorted { $0.key.rawValue < $1.key.rawValue }
            return .json(.object(calls.map { ($0.key.rawValue, .number($0.value)) }))
        case ("events", 1): return controlEvents(call, place)
        case ("outbound", 1): return controlOutbound(call, place)
        case ("callouts", 1): return controlCallouts(call, place)
        case ("changes", 1):
            if call.method == "POST" { return change(call, place) }
            return changeLog(call, place)
        case ("writes", 1):
            if call.method == "DELETE" {
                orgs[place].writeLog.forget()
                return .noContent
            }
            return writes(call, place)
        case ("announcements", 1):
            if call.method == "DELETE" {
                orgs[place].announcements = []
                return .noContent
            }
            return .json(.array(orgs[place].announcements))
        case ("canvas", 1): return canvas(call, place, asPage: true)
        case ("signed-request", 1): return canvas(call, place, asPage: false)
        case ("objects", 3):
            guard let table = orgs[place].tables[segments[1].lowercased()] else {
                return Self.unknown("object \(segments[1])")
            }
            switch segments[2] {
            case "checksums": return Reply(status: 200, body: .checksums(table, fields: Self.names(call)))
            case "rows": return Reply(status: 200, body: .rows(table))
            default: return Self.unknown(call.path)
            }
        default: return Self.unknown(call.path)
        }
    }

    private static func names(_ call: IncomingCall) -> [String]? {
        call.query["fields"]?.split(separator: ",").map(String.init)
    }

    private mutating func controlFaults(_ call: IncomingCall) -> Reply {
        switch call.method {
        case "GET":
            return .json(
                .array(
                    faults.rules.map {
                        ["path": .string($0.path), "remaining": .number($0.remaining)]
                    }))
        case "DELETE":
            clearFaults(now: call.now)
            return .noContent
        case "POST":
            guard let request = try? JSONDecoder().decode(FaultRequest.self, from: Data(call.body)) else {
                return .json(["error": "not a fault: see FaultRequest"], status: 400)
            }
            var places = Array(orgs.indices)
            if let org = request.org {
                guard let place = place(ofOrg: org) else { return Self.unknown("org \(org)") }
                places = [place]
            }
            apply(request, places, now: call.now)
            return .noContent
        default: return Self.unknown(call.path)
        }
    }

    private mutating func clearFaults(now: Int) {
        faults = Faults()
        for place in orgs.indices {
            orgs[place].isOverLimit = false
            orgs[place].hiddenObjects = []
            orgs[place].hiddenFields = []
            orgs[place].bulkUnsupported = []
            orgs[place].needsFilter = []
            orgs[place].noteSchemaChange(now: now)
        }
    }

    private mutating func apply(_ request: FaultRequest, _ places: [Int], now: Int) {
        let isOn = request.on ?? true
        switch request.kind {
        case .expireAccessTokens:
            for place in places { ledger.endAccessTokens(org: place + 1) }
        case .revokeRefreshTokens:
            for place in places { ledger.endRefreshTokens(org: place + 1) }
        case .rotation: configuration.rotatesRefreshTokens = isOn
        case .fail, .drop, .delay, .truncate, .lostResponse, .lateCommit, .failRows:
            addRule(request, places)
        case .slowBulk:
            configuration.bulkPolls = request.polls ?? configuration.bulkPolls
            configuration.bulkMilliseconds = request.milliseconds ?? configuration.bulkMilliseconds
        case .requestLimit:
            for place in places { orgs[place].isOverLimit = isOn }
        case .hide:
            for place in places {
                orgs[place].hide(request.object ?? "", field: request.field, isHidden: isOn, now: now)
            }
        case .bulkUnsupported:
            for place in places { orgs[place].setBulkSupport(of: request.object ?? "", isMissing: isOn) }
        case .needsFilter:
            for place in places { orgs[place].setFilterRule(of: request.object ?? "", isOn: isOn) }
        case .loseRight:
            for place in places {
                orgs[place].setRight(request.right ?? .viewAllData, of: request.user, isHeld: !isOn)
            }
        case .streamBusy: faults.busyStreams = request.count ?? 1
        case .clear: clearFaults(now: now)
        }
    }

    private mutating func addRule(_ request: FaultRequest, _ places: [Int]) {
        var effect = Faults.Effect()
        switch request.kind {
        case .fail:
            let status = request.status ?? 500
            effect.error = APIError(
                status, request.code ?? (status == 503 ? "SERVER_UNAVAILABLE" : "UNKNOWN_EXCEPTION"),
                request.message ?? "An unexpected error occurred.")
        case .truncate: effect.truncatesAfterBytes = request.bytes ?? 0
        case .drop: effect.dropAfterBytes = request.bytes ?? 0
        case .lostResponse: effect.losesResponse = true
        case .lateCommit: effect.lateMilliseconds = request.milliseconds ?? 1000
        case .failRows:
            let error = APIError(
                400, request.code ?? "UNKNOWN_EXCEPTION",
                request.message ?? "An unexpected error occurred.", fields: [])
            effect.rowFault = RowFault(nth: request.nth ?? 2, error: error)
        default: effect.delayMilliseconds = request.milliseconds ?? 1000
        }
        let org = request.org == nil ? nil : places.first.map { orgs[$0].id.text15 }
        faults.rules.append(
            Faults.Rule(
                path: request.path ?? "/", method: request.method, org: org, remaining: request.count ?? 1,
                effect: effect))
    }
}

import Cryptography
import Encoding
import HTTPWire

/// Platform events: published by API calls and by the org itself. Documented: Platform Events Developer
/// Guide, "Publish Event Messages with Salesforce APIs".
extension World {
    /// The org's definition of an event. Names ignore case.
    func eventKind(_ name: String, _ session: Session) -> PlatformEventKind? {
        orgs[session.org - 1].platformEvents[name.lowercased()]
    }

    /// `POST /sobjects/X__e`
    mutating func publish(
        _ call: IncomingCall, _ kind: PlatformEventKind, _ session: Session
    ) throws(APIError) -> Reply {
        count(.create, org: session.org)
        guard let values = (try? JSONValue(parsing: call.body))?.object else { throw .notJSON }
        let uuid = try publish(
            kind, values, by: session.user.id.text18, place: session.org - 1, now: call.now)
        return .json(Self.published(uuid), status: 201)
    }

    /// Events of `POST /composite/sobjects`, each with its result.
    mutating func publishAll(
        _ records: [JSONValue], _ call: IncomingCall, _ session: Session
    ) throws(APIError) -> Reply {
        guard records.count <= configuration.limits.collectionRows else {
            throw APIError(
                400, "EXCEEDED_ID_LIMIT",
                "record limit reached. cannot submit more than 200 records into this call")
        }
        var results: [JSONText] = []
        for record in records {
            do throws(APIError) {
                guard let name = record["attributes"]?["type"]?.string, let kind = eventKind(name, session)
                else { throw .notFound }
                let uuid = try publish(
                    kind, record.object ?? [:], by: session.user.id.text18, place: session.org - 1,
                    now: call.now)
                results.append(Self.published(uuid))
            } catch {
                results.append([
                    "success": false,
                    "errors": [
                        ["statusCode": .string(error.code), "message": .string(error.message), "fields": []]
                    ],
                ])
            }
        }
        return .json(.array(results))
    }

    private static func published(_ uuid: String) -> JSONText {
        [
            "id": "e01xx0000000001AAA", "success": true,
            "errors": [
                ["statusCode": "OPERATION_ENQUEUED", "message": .string(uuid), "fields": []]
            ],
        ]
    }

    /// Appends an event, and wakes the subscribers. Returns its UUID.
    private mutating func publish(
        _ kind: PlatformEventKind, _ values: [String: JSONValue], by user: String, place: Int, now: Int
    ) throws(APIError) -> String {
        let (payload, unknown) = kind.payload(values)
        if let unknown {
            throw APIError(
                400, "INVALID_FIELD", "No such column '\(unknown)' on sobject of type \(kind.name)")
        }
        let members: [(String, JSONText)] =
            [
                ("CreatedDate", .string(ISO8601.text(instant: now, zone: "Z"))),
                ("CreatedById", .string(user)),
            ] + payload
        let serial = orgs[place].events.lastReplayID
        let digits = Hex.encode(Digest.sha256("\(orgs[place].number) \(serial) \(now)").prefix(16))
        let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map { start, end in
            String(digits.dropFirst(start).prefix(end - start))
        }
        let uuid = parts.joined(separator: "-")
        let delay = orgs[place].nextEventDelay()
        orgs[place].events.append(.platformEvent(kind.name), committed: now, delay: delay) { replayID in
            JSONText.object([
                ("schema", .string(kind.schemaID)), ("payload", .object(members)),
                ("event", ["EventUuid": .string(uuid), "replayId": .number(replayID)]),
            ]).encoded
        }
        wake(place)
        return uuid
    }

    /// `POST /simulator/orgs/<org>/events`: an event that the org publishes (`event`, `payload`), a new kind
    /// (`define`, `fields`), or a custom channel (`channel`, without `__chn`, and `members`).
    mutating func controlEvents(_ call: IncomingCall, _ place: Int) -> Reply {
        guard call.method == "POST", let body = try? JSONValue(parsing: call.body) else {
            return .json(["error": "not an event"], status: 400)
        }
        if let name = body["define"]?.string {
            let fields = body["fields"]?.array?.compactMap(\.string) ?? []
            orgs[place].platformEvents[name.lowercased()] = PlatformEventKind(name: name, fields: fields)
            return .noContent
        }
        if let channel = body["channel"]?.string {
            orgs[place].eventChannels[channel] = Set(body["members"]?.array?.compactMap(\.string) ?? [])
            return .noContent
        }
        guard let name = body["event"]?.string, let kind = orgs[place].platformEvents[name.lowercased()]
        else {
            return .json(["error": "no such event"], status: 404)
        }
        do throws(APIError) {
            let uuid = try publish(
                kind, body["payload"]?.object ?? [:], by: orgs[place].users[1].id.text18, place: place,
                now: call.now)
            return .json([
                "uuid": .string(uuid), "replayId": .number(orgs[place].events.lastReplayID),
            ])
        } catch {
            return error.reply
        }
    }
}

import Encoding
import HTTPWire

/// An API write in `GET /simulator/orgs/<org>/writes`: `serial` (from 1, in the order of the commits),
/// `object`, `id`, `kind`, `fields` (the values that the caller wrote: texts as in checksums, or null),
/// `orgFields` (the values that flows and assignment rules set), `origin`, `client` (of
/// `Sforce-Call-Options`, or null), `committed` (milliseconds since 1970) and `user` (the id).
enum WriteDocument {
    static func document(_ entry: WriteLog.Entry, _ schema: ObjectSchema) -> JSONText {
        let written = entry.write.callerValues ?? entry.write.values
        let set = entry.write.values.filter { written[$0.key] != $0.value }
        let client = entry.commit.origin.split(separator: ";").first { $0.hasPrefix("client=") }
        return [
            "serial": .number(entry.serial), "object": .string(schema.name),
            "id": .string(entry.id.text18), "kind": .string(entry.write.kind.rawValue),
            "fields": fields(written, schema), "orgFields": fields(set, schema),
            "origin": .string(entry.commit.origin),
            "client": .optional(client.map { String($0.dropFirst(7)) }),
            "committed": .number(entry.commit.now), "user": .string(entry.commit.user.text18),
        ]
    }

    private static func fields(_ values: [Int: FieldValue], _ schema: ObjectSchema) -> JSONText {
        .object(
            values.sorted { $0.key < $1.key }.map { place, value in
                (schema.fields[place].name, .optional(CanonicalText.text(value)))
            })
    }
}

extension World {
    /// The recorded API writes that the query selects.
    func writes(_ call: IncomingCall, _ place: Int) -> Reply {
        let after = call.query["after"].flatMap { Int($0) } ?? 0
        let limit = call.query["limit"].flatMap { Int($0) } ?? .max
        let object = call.query["object"]?.lowercased()
        let id = call.query["id"].flatMap(OrgRecordID.init)
        let kind = call.query["kind"]
        let entries = orgs[place].writeLog.entries
        let first = entries.first?.serial ?? 1
        let selected = entries.dropFirst(max(0, after - first + 1)).lazy.filter { entry in
            (object.map { $0 == entry.write.object } ?? true) && (id.map { $0 == entry.id } ?? true)
                && (kind.map { $0 == entry.write.kind.rawValue } ?? true)
        }
        let documents = selected.prefix(limit).compactMap { entry in
            orgs[place].tables[entry.write.object].map { WriteDocument.document(entry, $0.schema) }
        }
        return .json(.array(Array(documents)))
    }
}

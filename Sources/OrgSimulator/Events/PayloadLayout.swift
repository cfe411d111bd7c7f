import Cryptography
import Encoding

/// The fields of an object's change events. Documented: Change Data Capture Developer Guide, "Change Event
/// Fields".
struct PayloadLayout: Sendable {
    struct Entry: Sendable {
        let place: Int
        /// The name inside its compound field: `Street` for BillingStreet.
        let name: String
        /// Such as `BillingAddress`.
        let compound: String?

        /// The name in `changedFields`.
        var qualified: String { compound.map { "\($0).\(name)" } ?? name }
    }

    let object: String
    /// In the order of payloads: the parts of a compound field are neighbours.
    let entries: [Entry]
    /// Changes with the fields. Assumed: 22 characters.
    let schemaID: String
    private let places: Set<Int>

    /// Excluded by the documentation.
    private static let excluded: Set<String> = [
        "Id", "IsDeleted", "SystemModstamp", "LastActivityDate", "LastViewedDate", "LastReferencedDate",
        "PhotoUrl",
    ]

    /// - Parameter isVisible: false for fields that the subscriber may not read.
    init(_ schema: ObjectSchema, org: Int, isVisible: (FieldSchema) -> Bool) {
        object = schema.name
        let compounds = Set(
            schema.fields.compactMap { $0.compoundFieldName == $0.name ? nil : $0.compoundFieldName })
        var entries: [Entry] = []
        for (place, field) in schema.fields.enumerated() {
            guard isVisible(field), field.type != .address, field.formula == nil,
                !Self.excluded.contains(field.name), !compounds.contains(field.name)
            else { continue }
            if let compound = field.compoundFieldName, compound != field.name {
                let kind = compound.hasSuffix("Address") ? compound.dropLast("Address".count) : ""
                let name = kind.isEmpty ? field.name : String(field.name.dropFirst(kind.count))
                entries.append(Entry(place: place, name: name, compound: compound))
            } else {
                entries.append(Entry(place: place, name: field.name, compound: nil))
            }
        }
        self.entries = entries.filter { $0.compound == nil } + entries.filter { $0.compound != nil }
        places = Set(entries.map(\.place))
        let text = entries.map { "\($0.qualified):\(schema.fields[$0.place].type)" }.joined(separator: ",")
        schemaID = Base64.encode(Digest.sha256("\(org)|\(schema.name)|\(text)").prefix(16), .url)
    }

    /// True if changes of the field are in events.
    func contains(_ place: Int) -> Bool { places.contains(place) }

    /// The answer to `GET /event/eventSchema/<id>`: an Avro schema.
    var document: JSONText {
        var fields: [JSONText] = [["name": "ChangeEventHeader", "type": "ChangeEventHeader"]]
        var seen: Set<String> = []
        for entry in entries {
            let name = entry.compound ?? entry.name
            guard seen.insert(name).inserted else { continue }
            fields.append(["name": .string(name), "type": ["null", "string"], "default": nil])
        }
        let name = Self.eventName(of: object)
        return [
            "name": .string(name), "namespace": "com.sforce.eventbus", "type": "record",
            "fields": .array(fields),
            "uuid": .string(schemaID),
        ]
    }

    /// `AccountChangeEvent`, `Tweet__ChangeEvent`.
    static func eventName(of object: String) -> String {
        object.hasSuffix("__c") ? object.dropLast(1) + "ChangeEvent" : object + "ChangeEvent"
    }
}

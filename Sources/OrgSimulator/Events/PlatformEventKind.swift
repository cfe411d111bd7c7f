import Cryptography
import Encoding

/// A platform event that an org defines.
struct PlatformEventKind: Sendable, Equatable {
    /// Such as `Order_Ready__e`.
    let name: String
    /// Custom fields by name in lower case.
    let fields: [String: String]

    init(name: String, fields: [String]) {
        self.name = name
        self.fields = Dictionary(
            fields.map { ($0.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The events that each org has.
    static let standard = [
        PlatformEventKind(name: "Order_Ready__e", fields: ["Order_Number__c", "Amount__c", "Note__c"])
    ]

    /// Changes with the fields.
    var schemaID: String {
        let text = name + fields.values.sorted().joined(separator: ",")
        return Base64.encode(Digest.sha256(text).prefix(16), .url)
    }

    /// The event's fields with the names of the definition, or the first field that it does not have.
    func payload(_ values: [String: JSONValue]) -> (members: [(String, JSONText)], unknown: String?) {
        var members: [(String, JSONText)] = []
        for (key, value) in values.sorted(by: { $0.key < $1.key }) where key != "attributes" {
            guard let field = fields[key.lowercased()] else { return ([], key) }
            members.append((field, .raw(value.serialized)))
        }
        return (members, nil)
    }
}

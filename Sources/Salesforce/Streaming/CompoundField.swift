internal import Encoding

/// Compound fields of change events. An event has their parts as members of an object, and names these parts
/// differently from the sObject: `MailingAddress.City` is the field `MailingCity`.
///
/// Source: Change Data Capture Developer Guide, "Change Event Body Fields"; Object Reference, "Compound
/// Fields".
enum CompoundField {
    /// The fields of a payload by the sObject's field names, without the header.
    ///
    /// - Parameter changed: the header's `changedFields`. It names the emptied parts of a compound field that
    ///   is null as a whole.
    static func flatten(_ payload: [String: JSONValue], changed: [JSONValue]) -> [String: ChangeEvent.Value] {
        var fields: [String: ChangeEvent.Value] = [:]
        fields.reserveCapacity(payload.count + 8)
        for (name, value) in payload where name != "ChangeEventHeader" {
            switch value {
            case .object(let parts):
                if parts.count == 1, let diff = parts["diff"]?.string {
                    fields[name] = .textDiff(diff)
                } else {
                    for (part, value) in parts { fields[fieldName(of: part, in: name)] = .value(value) }
                }
            case .null:
                fields[name] = .value(.null)
                for part in emptiedParts(of: name, changed) { fields[part] = .value(.null) }
            default: fields[name] = .value(value)
            }
        }
        return fields
    }

    /// The name that the sObject has for a part of a compound field.
    static func fieldName(of part: String, in compound: String) -> String {
        if compound == "Name" { return part }
        if compound.hasSuffix("__c") {
            // `Site__c.Latitude__s` is `Site__Latitude__s`. Custom addresses may name their parts without
            // suffix.
            return compound.dropLast(1) + (part.hasSuffix("__s") ? part : part + "__s")
        }
        for suffix in ["Address", "Location"] where compound.hasSuffix(suffix) {
            return compound.dropLast(suffix.count) + part
        }
        return compound + part
    }

    /// The fields of a compound field that is null as a whole. Names of columns that do not exist are
    /// harmless.
    private static func emptiedParts(of compound: String, _ changed: [JSONValue]) -> [String] {
        let prefix = compound + "."
        let named = changed.compactMap { $0.string }.filter { $0.hasPrefix(prefix) }
            .map { fieldName(of: String($0.dropFirst(prefix.count)), in: compound) }
        guard named.isEmpty, compound.hasSuffix("Address") else { return named }
        return addressParts.map { fieldName(of: $0, in: compound) }
    }

    private static let addressParts = [
        "Street", "City", "State", "StateCode", "PostalCode", "Country", "CountryCode", "Latitude",
        "Longitude",
        "GeocodeAccuracy",
    ]
}

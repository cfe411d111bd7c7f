internal import FoundationEssentials

/// An object of an org and its fields, with the properties that table plans need.
package struct ObjectDescribe: Equatable, Sendable, Codable {
    package var name: String
    package var label = ""
    /// The first three characters of its records' ids; nil for some objects.
    package var keyPrefix: String?
    package var custom = false
    package var customSetting = false
    package var createable = false
    package var updateable = false
    package var deletable = false
    package var undeletable = false
    package var queryable = false
    package var retrieveable = false
    /// Whether the object supports `getUpdated` and `getDeleted`.
    package var replicateable = false
    package var triggerable = false
    package var deprecatedAndHidden = false
    package var fields: [FieldDescribe] = []

    package init(name: String, fields: [FieldDescribe] = []) {
        self.name = name
        self.fields = fields
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func flag(_ key: CodingKeys) throws -> Bool {
            try values.decodeIfPresent(Bool.self, forKey: key) ?? false
        }
        name = try values.decode(String.self, forKey: .name)
        label = try values.decodeIfPresent(String.self, forKey: .label) ?? ""
        keyPrefix = try values.decodeIfPresent(String.self, forKey: .keyPrefix)
        custom = try flag(.custom)
        customSetting = try flag(.customSetting)
        createable = try flag(.createable)
        updateable = try flag(.updateable)
        deletable = try flag(.deletable)
        undeletable = try flag(.undeletable)
        queryable = try flag(.queryable)
        retrieveable = try flag(.retrieveable)
        replicateable = try flag(.replicateable)
        triggerable = try flag(.triggerable)
        deprecatedAndHidden = try flag(.deprecatedAndHidden)
        fields = try values.decodeIfPresent([FieldDescribe].self, forKey: .fields) ?? []
    }

    /// Parses an answer of `/sobjects/X/describe`. Throws `.malformedResponse`.
    package init(parsing body: [UInt8]) throws(SalesforceError) {
        do {
            self = try JSONDecoder().decode(ObjectDescribe.self, from: Data(body))
        } catch {
            throw SalesforceError(.malformedResponse, message: "describe: \(error)")
        }
    }

    /// The field of this name, in any case.
    package func field(named name: String) -> FieldDescribe? {
        let lowered = name.lowercased()
        return fields.first { $0.name.lowercased() == lowered }
    }
}

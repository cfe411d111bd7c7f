/// A field of an object, with the properties that tables and queries need.
///
/// Decoding tolerates unknown and missing keys: releases add keys, and not every type has all of them.
/// (REST API Developer Guide, "sObject Describe".)
package struct FieldDescribe: Equatable, Sendable, Codable {
    package var name: String
    package var label = ""
    package var type: FieldType
    package var soapType = ""
    /// Characters.
    package var length = 0
    /// Bytes; three per character for text.
    package var byteLength = 0
    /// All digits of a decimal number.
    package var precision = 0
    /// Digits of a decimal number after the point.
    package var scale = 0
    /// Digits of an integer.
    package var digits = 0
    package var nillable = true
    package var custom = false
    package var calculated = false
    package var createable = false
    package var updateable = false
    package var defaultedOnCreate = false
    package var autoNumber = false
    package var externalId = false
    package var unique = false
    package var idLookup = false
    package var caseSensitive = false
    package var encrypted = false
    package var filterable = false
    package var sortable = false
    package var htmlFormatted = false
    package var nameField = false
    package var deprecatedAndHidden = false
    package var permissionable = false
    package var restrictedPicklist = false
    package var polymorphicForeignKey = false
    package var referenceTo: [String] = []
    package var relationshipName: String?
    /// The name of the compound field, for its parts such as `BillingStreet`.
    package var compoundFieldName: String?
    package var extraTypeInfo: String?

    package init(name: String, type: FieldType) {
        self.name = name
        self.type = type
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func flag(_ key: CodingKeys, default fallback: Bool = false) throws -> Bool {
            try values.decodeIfPresent(Bool.self, forKey: key) ?? fallback
        }
        func count(_ key: CodingKeys) throws -> Int { try values.decodeIfPresent(Int.self, forKey: key) ?? 0 }
        name = try values.decode(String.self, forKey: .name)
        type = try values.decode(FieldType.self, forKey: .type)
        label = try values.decodeIfPresent(String.self, forKey: .label) ?? ""
        soapType = try values.decodeIfPresent(String.self, forKey: .soapType) ?? ""
        length = try count(.length)
        byteLength = try count(.byteLength)
        precision = try count(.precision)
        scale = try count(.scale)
        digits = try count(.digits)
        nillable = try flag(.nillable, default: true)
        custom = try flag(.custom)
        calculated = try flag(.calculated)
        createable = try flag(.createable)
        updateable = try flag(.updateable)
        defaultedOnCreate = try flag(.defaultedOnCreate)
        autoNumber = try flag(.autoNumber)
        externalId = try flag(.externalId)
        unique = try flag(.unique)
        idLookup = try flag(.idLookup)
        caseSensitive = try flag(.caseSensitive)
        encrypted = try flag(.encrypted)
        filterable = try flag(.filterable)
        sortable = try flag(.sortable)
        htmlFormatted = try flag(.htmlFormatted)
        nameField = try flag(.nameField)
        deprecatedAndHidden = try flag(.deprecatedAndHidden)
        permissionable = try flag(.permissionable)
        restrictedPicklist = try flag(.restrictedPicklist)
        polymorphicForeignKey = try flag(.polymorphicForeignKey)
        referenceTo = try values.decodeIfPresent([String].self, forKey: .referenceTo) ?? []
        relationshipName = try values.decodeIfPresent(String.self, forKey: .relationshipName)
        compoundFieldName = try values.decodeIfPresent(String.self, forKey: .compoundFieldName)
        extraTypeInfo = try values.decodeIfPresent(String.self, forKey: .extraTypeInfo)
    }
}

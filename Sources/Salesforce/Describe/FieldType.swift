/// The `type` of a field in a describe. Unknown types are kept.
package struct FieldType: RawRepresentable, Hashable, Sendable, Codable {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    package static let id = FieldType(rawValue: "id")
    package static let reference = FieldType(rawValue: "reference")
    package static let string = FieldType(rawValue: "string")
    package static let textArea = FieldType(rawValue: "textarea")
    package static let picklist = FieldType(rawValue: "picklist")
    package static let multiPicklist = FieldType(rawValue: "multipicklist")
    package static let comboBox = FieldType(rawValue: "combobox")
    package static let boolean = FieldType(rawValue: "boolean")
    package static let int = FieldType(rawValue: "int")
    package static let long = FieldType(rawValue: "long")
    package static let double = FieldType(rawValue: "double")
    package static let currency = FieldType(rawValue: "currency")
    package static let percent = FieldType(rawValue: "percent")
    package static let date = FieldType(rawValue: "date")
    package static let dateTime = FieldType(rawValue: "datetime")
    package static let time = FieldType(rawValue: "time")
    package static let email = FieldType(rawValue: "email")
    package static let phone = FieldType(rawValue: "phone")
    package static let url = FieldType(rawValue: "url")
    package static let address = FieldType(rawValue: "address")
    package static let location = FieldType(rawValue: "location")
    package static let encryptedString = FieldType(rawValue: "encryptedstring")
    package static let anyType = FieldType(rawValue: "anyType")
    package static let json = FieldType(rawValue: "json")
}

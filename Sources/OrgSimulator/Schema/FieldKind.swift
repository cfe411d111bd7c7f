/// The types of fields, with their names in describes.
enum FieldKind: String, Sendable {
    case id, reference, string, textarea, picklist, multipicklist, combobox, boolean, int, double, currency
    case percent, date, datetime, time, email, phone, url, address

    /// The `soapType` in a describe. Recorded for all types except time.
    var soapType: String {
        switch self {
        case .id, .reference: "tns:ID"
        case .boolean: "xsd:boolean"
        case .int: "xsd:int"
        case .double, .currency, .percent: "xsd:double"
        case .date: "xsd:date"
        case .datetime: "xsd:dateTime"
        case .time: "xsd:time"
        case .address: "urn:address"
        default: "xsd:string"
        }
    }
}

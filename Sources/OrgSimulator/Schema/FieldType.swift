/// The types of fields, by the names that describes give them.
enum FieldType: String, Sendable {
    case id, reference, string, textarea, picklist, multipicklist, combobox, boolean, int, double, currency
    case percent, date, datetime, time, email, phone, url, address

    /// The `soapType` of a describe. Recorded for all that occur in the recordings (all but time).
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

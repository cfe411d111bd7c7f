import Encoding

/// Reads the values of a caller's record, with the errors of an org. Documented codes; texts from many
/// reports.
enum FieldInput {
    /// The code of a value that is not of the field's type.
    static let mismatchCode = "JSON_PARSER_ERROR"

    /// The value of `json` in `field`.
    static func value(_ json: JSONValue, for field: FieldSchema) throws(APIError) -> FieldValue {
        switch (json, field.type) {
        case (.null, .boolean): throw mismatch(json, field)
        case (.null, _): return .null
        case (.bool(let flag), .boolean): return .boolean(flag)
        case (.string(let text), .boolean):
            guard text == "true" || text == "false" else { throw mismatch(json, field) }
            return .boolean(text == "true")
        case (.number(let text), .int), (.string(let text), .int):
            if text.isEmpty { return .null }
            guard let number = Double(text), number == number.rounded(), abs(number) < 1e15 else {
                throw mismatch(json, field)
            }
            return .integer(Int(number))
        case (.number(let text), .double), (.number(let text), .currency), (.number(let text), .percent),
            (.string(let text), .double), (.string(let text), .currency), (.string(let text), .percent):
            return try number(text, json, field)
        case (.string(let text), let type): return try self.text(text, type, json, field)
        // Recorded by many: numbers are accepted for texts.
        case (.number(let text), let type) where type.soapType == "xsd:string":
            return try self.text(text, type, json, field)
        default: throw mismatch(json, field)
        }
    }

    private static func number(
        _ text: String, _ json: JSONValue, _ field: FieldSchema
    ) throws(APIError) -> FieldValue {
        if text.isEmpty { return .null }
        guard let number = Double(text), number.isFinite else { throw mismatch(json, field) }
        return .number(number == 0 ? 0 : number)
    }

    private static func text(
        _ text: String, _ type: FieldKind, _ json: JSONValue, _ field: FieldSchema
    ) throws(APIError) -> FieldValue {
        if text.isEmpty { return .null }
        switch type {
        case .id, .reference:
            guard let id = OrgRecordID(text) else {
                throw APIError(
                    400, "MALFORMED_ID", "\(field.label): id value of incorrect type: \(text)",
                    fields: [field.name])
            }
            return .id(id)
        case .date:
            guard let days = ISO8601.date(text) else { throw mismatch(json, field) }
            return .date(days)
        case .datetime:
            guard let moment = instant(text) else { throw mismatch(json, field) }
            // Salesforce stores whole seconds.
            return .instant(moment - ((moment % 1000) + 1000) % 1000)
        case .time:
            guard let moment = ISO8601.instant("1970-01-01T" + (text.hasSuffix("Z") ? text : text + "Z"))
            else {
                throw mismatch(json, field)
            }
            return .time(moment)
        case _ where type.soapType == "xsd:string":
            guard field.length == 0 || text.utf16.count <= field.length else {
                throw APIError(
                    400, "STRING_TOO_LONG",
                    "\(field.label): data value too large: \(text) (max length=\(field.length))",
                    fields: [field.name])
            }
            if field.isRestrictedPicklist, !field.picklist.contains(text) {
                throw APIError(
                    400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                    "\(field.label): bad value for restricted picklist field: \(text)", fields: [field.name])
            }
            return .text(text)
        default: throw mismatch(json, field)
        }
    }

    private static func instant(_ text: String) -> Int? {
        if let moment = ISO8601.instant(text) { return moment }
        // `+0000`, as in answers.
        guard text.count > 5, let sign = text.dropLast(4).last, sign == "+" || sign == "-" else { return nil }
        return ISO8601.instant(text.dropLast(2) + ":" + text.suffix(2))
    }

    private static func mismatch(_ json: JSONValue, _ field: FieldSchema) -> APIError {
        let type = field.type.soapType.drop { $0 != ":" }.dropFirst()
        return APIError(
            400, mismatchCode,
            "Cannot deserialize instance of \(type) from value \(json.serialized) of field \(field.name)")
    }
}

internal import Encoding
internal import Salesforce

/// Reads the members of one JSON object. Errors name the path of the member.
struct JSONReader {
    let members: [String: JSONValue]
    let path: String

    init(_ value: JSONValue, path: String) throws(TenantSchemaError) {
        guard let members = value.object else {
            throw TenantSchemaError(.invalidMappingFile, "\(path): must be an object")
        }
        self.members = members
        self.path = path
    }

    func problem(_ key: String, _ text: String) -> TenantSchemaError {
        TenantSchemaError(.invalidMappingFile, "\(path).\(key): \(text)")
    }

    /// The first 40 characters of a value's text, for errors.
    func shown(_ value: JSONValue) -> String {
        let text = value.serialized
        return text.count > 40 ? "\(text.prefix(40))..." : text
    }

    /// The member, unless it is missing or null.
    private func present(_ key: String) -> JSONValue? {
        guard let value = members[key], !value.isNull else { return nil }
        return value
    }

    private func required<Value>(_ key: String, _ value: Value?) throws(TenantSchemaError) -> Value {
        guard let value else { throw problem(key, "is missing") }
        return value
    }

    func optionalString(_ key: String) throws(TenantSchemaError) -> String? {
        guard let value = present(key) else { return nil }
        guard let text = value.string else { throw problem(key, "must be a string, not \(shown(value))") }
        return text
    }

    func string(_ key: String) throws(TenantSchemaError) -> String {
        try required(key, try optionalString(key))
    }

    func optionalInt(_ key: String) throws(TenantSchemaError) -> Int? {
        guard let value = present(key) else { return nil }
        // Some tools write numbers and flags as text.
        guard let number = value.int ?? value.string.flatMap({ Int($0) }) else {
            throw problem(key, "must be a whole number, not \(shown(value))")
        }
        return number
    }

    func optionalBool(_ key: String) throws(TenantSchemaError) -> Bool? {
        guard let value = present(key) else { return nil }
        guard let flag = value.bool ?? value.string.flatMap({ Bool($0.lowercased()) }) else {
            throw problem(key, "must be true or false, not \(shown(value))")
        }
        return flag
    }

    func optionalObject(_ key: String) throws(TenantSchemaError) -> [String: JSONValue]? {
        guard let value = present(key) else { return nil }
        guard let object = value.object else { throw problem(key, "must be an object, not \(shown(value))") }
        return object
    }

    func object(_ key: String) throws(TenantSchemaError) -> [String: JSONValue] {
        try required(key, try optionalObject(key))
    }

    func array(_ key: String) throws(TenantSchemaError) -> [JSONValue] {
        guard let value = present(key) else { throw problem(key, "is missing") }
        guard let values = value.array else { throw problem(key, "must be an array, not \(shown(value))") }
        return values
    }
}

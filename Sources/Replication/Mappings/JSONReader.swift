internal import Salesforce

/// Reads the members of one JSON object and names the place of whatever is wrong there.
struct JSONReader {
    let members: [String: JSONValue]
    let path: String

    init(_ value: JSONValue, path: String) throws(ReplicationError) {
        guard let members = value.object else {
            throw ReplicationError(.invalidMappingFile, "\(path): must be an object")
        }
        self.members = members
        self.path = path
    }

    func problem(_ key: String, _ text: String) -> ReplicationError {
        ReplicationError(.invalidMappingFile, "\(path).\(key): \(text)")
    }

    /// A member that is there and not null.
    private func present(_ key: String) -> JSONValue? {
        guard let value = members[key], !value.isNull else { return nil }
        return value
    }

    private func required<Value>(_ key: String, _ value: Value?) throws(ReplicationError) -> Value {
        guard let value else { throw problem(key, "is missing") }
        return value
    }

    func optionalString(_ key: String) throws(ReplicationError) -> String? {
        guard let value = present(key) else { return nil }
        guard let text = value.string else { throw problem(key, "must be a string") }
        return text
    }

    func string(_ key: String) throws(ReplicationError) -> String {
        try required(key, try optionalString(key))
    }

    func optionalInt(_ key: String) throws(ReplicationError) -> Int? {
        guard let value = present(key) else { return nil }
        guard let number = value.int else { throw problem(key, "must be a whole number") }
        return number
    }

    func optionalBool(_ key: String) throws(ReplicationError) -> Bool? {
        guard let value = present(key) else { return nil }
        guard let flag = value.bool else { throw problem(key, "must be true or false") }
        return flag
    }

    func optionalObject(_ key: String) throws(ReplicationError) -> [String: JSONValue]? {
        guard let value = present(key) else { return nil }
        guard let object = value.object else { throw problem(key, "must be an object") }
        return object
    }

    func object(_ key: String) throws(ReplicationError) -> [String: JSONValue] {
        try required(key, try optionalObject(key))
    }

    func array(_ key: String) throws(ReplicationError) -> [JSONValue] {
        guard let value = present(key) else { throw problem(key, "is missing") }
        guard let values = value.array else { throw problem(key, "must be an array") }
        return values
    }
}

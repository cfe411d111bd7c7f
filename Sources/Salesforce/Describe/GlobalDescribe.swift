internal import Encoding

/// The list of an org's objects, as the user sees it.
package struct GlobalDescribe: Sendable, Equatable {
    /// An object in the list.
    package struct Entry: Sendable, Equatable {
        package let name: String
        package let isQueryable: Bool
        /// The first three characters of the object's ids; nil for objects without records of their own.
        package let keyPrefix: String?
    }

    /// By API name.
    package let objects: [String: Entry]

    /// Parses an answer of `/sobjects`. Throws `.malformedResponse`.
    package init(parsing body: [UInt8]) throws(SalesforceError) {
        let answer = try JSONValue(answer: body)
        guard let list = answer["sobjects"]?.array else {
            throw SalesforceError(.malformedResponse, message: "not a list of objects")
        }
        var objects: [String: Entry] = [:]
        for entry in list {
            guard let name = entry["name"]?.string else { continue }
            objects[name] = Entry(
                name: name, isQueryable: entry["queryable"]?.bool ?? false,
                keyPrefix: entry["keyPrefix"]?.string)
        }
        self.objects = objects
    }
}

/// The answer to a question with `If-Modified-Since`.
package enum Changed<Value: Sendable>: Sendable {
    /// Status 304. It counts as a call all the same.
    case no
    /// - Parameter modified: the text for the next question's `since`.
    case yes(Value, modified: String?)
}

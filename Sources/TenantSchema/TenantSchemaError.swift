/// A mapping file or a stored plan that cannot be used.
package struct TenantSchemaError: Error, Sendable, Equatable {
    /// The kind of error, for callers.
    package enum Code: String, Sendable, Hashable {
        /// The mapping file does not follow Heroku Connect's export format. `message` names the place.
        case invalidMappingFile
        /// A stored table plan cannot be read. Plan the table again.
        case invalidPlan
    }

    package var code: Code
    /// For operators. May name objects and fields of the org; holds no record data.
    package var message: String

    package init(_ code: Code, _ message: String = "") {
        self.code = code
        self.message = message
    }
}

extension TenantSchemaError: CustomStringConvertible, CustomDebugStringConvertible {
    /// Safe for logs.
    package var description: String {
        message.isEmpty ? "TenantSchema: \(code.rawValue)" : "TenantSchema: \(code.rawValue): \(message)"
    }

    package var debugDescription: String { description }
}

internal import HTTPWire

/// The decoded values of the parameters of a route's pattern.
package struct PathParameters: Sendable {
    var names: [String]
    var values: [String]

    init(names: [String] = [], values: [String] = []) {
        self.names = names
        self.values = values
    }

    /// The value of `:name`. The value of `**` has the name `**` and keeps its slashes.
    package subscript(name: String) -> String? {
        names.firstIndex(of: name).map { values[$0] }
    }

    /// The value of `:name` as another type.
    ///
    /// - Throws: a 404 `Problem` if it does not parse: such a resource does not exist.
    package func value<Value>(_ name: String, _ read: (String) -> Value?) throws(Problem) -> Value {
        guard let value = self[name].flatMap(read) else { throw Problem(.notFound) }
        return value
    }

    /// The value of `:name` as an `Int` or another type that parses text.
    ///
    /// - Throws: a 404 `Problem` if it does not parse.
    package func value<Value: LosslessStringConvertible>(
        _ name: String, as type: Value.Type = Value.self
    ) throws(Problem) -> Value {
        try value(name, Value.init(_:))
    }
}

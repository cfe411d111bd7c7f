package import Encoding
internal import Salesforce

/// The mappings of a connection in Heroku Connect's export format, version 1.
///
/// Reading is tolerant: `connection`, `indexes` and settings may be missing. Unknown members are kept and
/// written again. Object and field names in the file are API names; `NameResolver` finds them in an org.
package struct MappingFile: Sendable, Equatable {
    /// One mapped object.
    package struct Entry: Sendable, Equatable {
        /// The object's API name.
        package var objectName: String
        package var configuration: MappingConfiguration

        package init(objectName: String, configuration: MappingConfiguration) {
            self.objectName = objectName
            self.configuration = configuration
        }
    }

    /// Sorted by object.
    package var mappings: [Entry]
    /// The `connection` object, if the file has one. Only its `features` have a meaning.
    package var connection: JSONValue?
    /// Unknown members of the document.
    package var other: [String: JSONValue]

    /// The only version of the format.
    package static let version = 1

    package init(mappings: [Entry], connection: JSONValue? = nil, other: [String: JSONValue] = [:]) {
        self.mappings = mappings.sorted { $0.objectName < $1.objectName }
        self.connection = connection
        self.other = other
    }

    /// Reads a file. Throws `.invalidMappingFile` with the path of the first problem, as
    /// `mappings[2].config.access: is missing`.
    ///
    /// - Parameter resolver: finds objects that would share a table in a customer's org.
    package init(
        parsing bytes: [UInt8], resolver: NameResolver = NameResolver(namespace: nil)
    ) throws(TenantSchemaError) {
        guard bytes.count <= TenantSchemaLimits.mappingFileBytes else {
            throw TenantSchemaError(.invalidMappingFile, "the file is too large")
        }
        let document: JSONValue
        let text = try Self.utf8(bytes)
        do {
            document = try JSONValue(parsing: text)
        } catch {
            throw TenantSchemaError(.invalidMappingFile, "JSON: \(error.reason) at byte \(error.byte)")
        }
        let reader = try JSONReader(document, path: "$")
        let version = try reader.optionalInt("version") ?? Self.version
        guard version == Self.version else {
            throw reader.problem("version", "must be \(Self.version), not \(version)")
        }
        var entries: [Entry] = []
        var seen: [String: (index: Int, name: String)] = [:]
        for (index, value) in try reader.array("mappings").enumerated() {
            let entry = try Self.entry(value, path: "mappings[\(index)]")
            for table in resolver.tables(of: entry.objectName) {
                guard let first = seen.updateValue((index, entry.objectName), forKey: table) else { continue }
                throw TenantSchemaError(
                    .invalidMappingFile,
                    "mappings[\(index)].object_name: \(entry.objectName) has the table \(table), as "
                        + "mappings[\(first.index)].object_name has, \(first.name)")
            }
            entries.append(entry)
        }
        self.init(
            mappings: entries, connection: reader.members["connection"],
            other: reader.members.filter { !["mappings", "connection", "version"].contains($0.key) })
    }

    /// The file without a byte order mark. Windows PowerShell writes UTF-16 by default.
    private static func utf8(_ bytes: [UInt8]) throws(TenantSchemaError) -> [UInt8] {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
        let isWide = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
        // Without a mark: JSON begins with an ASCII character, and one of its two bytes in UTF-16 is zero.
        guard !isWide, !bytes.prefix(2).contains(0) else {
            throw TenantSchemaError(
                .invalidMappingFile,
                "the file is UTF-16: save it as UTF-8 (PowerShell: Out-File -Encoding utf8)")
        }
        return bytes
    }

    private static func entry(_ value: JSONValue, path: String) throws(TenantSchemaError) -> Entry {
        let reader = try JSONReader(value, path: path)
        let name = try reader.string("object_name")
        guard SOQL.isName(name) else {
            throw reader.problem("object_name", "\"\(name)\" is not an object's API name")
        }
        guard let config = reader.members["config"] else { throw reader.problem("config", "is missing") }
        return Entry(
            objectName: name, configuration: try MappingConfiguration(config, path: "\(path).config"))
    }

    /// The settings of the connection, if the file has them.
    package var features: JSONValue? { connection?["features"].flatMap { $0.isNull ? nil : $0 } }

    package var json: JSONValue {
        var members = other
        members["mappings"] = .array(
            mappings.map {
                .object(["object_name": .string($0.objectName), "config": $0.configuration.json])
            })
        members["version"] = .number(String(Self.version))
        if let connection { members["connection"] = connection }
        return .object(members)
    }

    /// The file's text: indented by four spaces, members sorted by name, so that two exports can be compared.
    package var text: String { json.indented + "\n" }
}

extension JSONValue {
    /// Indented by four spaces, members sorted by name.
    var indented: String { indented(level: 0) }

    private func indented(level: Int) -> String {
        let inner = String(repeating: " ", count: 4 * (level + 1))
        let outer = String(repeating: " ", count: 4 * level)
        switch self {
        case .object(let members) where !members.isEmpty:
            let lines = members.sorted { $0.key < $1.key }.map {
                inner + JSONValue.string($0.key).serialized + ": " + $0.value.indented(level: level + 1)
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n" + outer + "}"
        case .array(let values) where !values.isEmpty:
            let lines = values.map { inner + $0.indented(level: level + 1) }
            return "[\n" + lines.joined(separator: ",\n") + "\n" + outer + "]"
        default: return serialized
        }
    }
}

package import Encoding
internal import Salesforce

/// One mapping's settings: Heroku Connect's `config` object.
///
/// Unknown members are kept, so that reading and writing a file loses no data.
package struct MappingConfiguration: Sendable, Equatable {
    /// Whether users' changes are sent to Salesforce.
    package enum Access: String, Sendable, Hashable {
        case readOnly = "read_only"
        case readWrite = "read_write"
    }

    package var access: Access
    /// API names, sorted.
    package var fields: [String]
    /// API name of an indexed field to whether the index is unique.
    package var indexes: [String: Bool]
    /// The unique identifier (an External ID field): the upsert key of writes.
    package var upsertField: String?
    /// Accelerated polling.
    package var notify: Bool
    package var pollingSeconds: Int
    package var maximumDailyCalls: Int?
    /// Unknown members of the object, `revision` and `applied_at` among them.
    package var other: [String: JSONValue]

    /// Heroku Connect's default interval, in seconds.
    package static let defaultPollingSeconds = 600

    package init(
        access: Access, fields: [String], indexes: [String: Bool] = [:], upsertField: String? = nil
    ) {
        self.access = access
        self.fields = fields.sorted()
        self.indexes = indexes
        self.upsertField = upsertField
        notify = false
        pollingSeconds = Self.defaultPollingSeconds
        maximumDailyCalls = nil
        other = [:]
    }

    private static let known: Set<String> = [
        "access", "fields", "indexes", "upsert_field", "sf_notify_enabled", "sf_polling_seconds",
        "sf_max_daily_api_calls",
    ]

    /// Reads a `config` object. Errors begin with `path`.
    package init(_ value: JSONValue, path: String) throws(TenantSchemaError) {
        let reader = try JSONReader(value, path: path)
        let accessName = try reader.string("access")
        guard let access = Access(rawValue: accessName) else {
            throw reader.problem("access", "must be \"read_only\" or \"read_write\", not \"\(accessName)\"")
        }
        self.access = access
        fields = try reader.object("fields").keys.sorted()
        guard !fields.isEmpty else { throw reader.problem("fields", "is empty") }
        for name in fields where !SOQL.isName(name) {
            throw reader.problem("fields.\(name)", "is not a field's API name")
        }
        indexes = [:]
        for (name, index) in try reader.optionalObject("indexes") ?? [:] {
            let entry = try JSONReader(index, path: "\(path).indexes.\(name)")
            indexes[name] = try entry.optionalBool("unique") ?? false
        }
        upsertField = try reader.optionalString("upsert_field")
        notify = try reader.optionalBool("sf_notify_enabled") ?? false
        pollingSeconds = try reader.optionalInt("sf_polling_seconds") ?? Self.defaultPollingSeconds
        guard pollingSeconds > 0 else {
            throw reader.problem("sf_polling_seconds", "must be positive, not \(pollingSeconds)")
        }
        maximumDailyCalls = try reader.optionalInt("sf_max_daily_api_calls")
        other = reader.members.filter { !Self.known.contains($0.key) }
    }

    /// The complete `config` object.
    package var json: JSONValue {
        var members = other
        members["access"] = .string(access.rawValue)
        members["fields"] = .object(Dictionary(uniqueKeysWithValues: Set(fields).map { ($0, .object([:])) }))
        members["indexes"] = .object(indexes.mapValues { .object(["unique": .bool($0)]) })
        members["sf_notify_enabled"] = .bool(notify)
        members["sf_polling_seconds"] = .number(String(pollingSeconds))
        if let upsertField { members["upsert_field"] = .string(upsertField) }
        if let maximumDailyCalls { members["sf_max_daily_api_calls"] = .number(String(maximumDailyCalls)) }
        return .object(members)
    }
}

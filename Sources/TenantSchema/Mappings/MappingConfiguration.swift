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
    /// Ours: a SOQL condition. Only records that match it are in the table. Nil for all records.
    package var filter: String?
    /// Ours: decimal numbers are `numeric` instead of `double precision`, so that no digit is lost.
    package var isNumeric: Bool
    /// Ours: fields that differ from `isNumeric`, by API name.
    package var numericFields: [String: Bool]
    /// Ours: the access of single fields, by API name. A read-only field is never sent to Salesforce.
    package var fieldAccess: [String: Access]
    /// Ours: a record is saved although one of the org's duplicate rules finds it, if the rule allows that.
    package var savesDuplicates: Bool
    /// Unknown members of the object, `revision` and `applied_at` among them.
    package var other: [String: JSONValue]

    /// Heroku Connect's default interval, in seconds.
    package static let defaultPollingSeconds = 600
    /// The shortest interval: a poll costs at least one API call.
    package static let minimumPollingSeconds = 10

    package init(
        access: Access, fields: [String], indexes: [String: Bool] = [:], upsertField: String? = nil,
        filter: String? = nil, isNumeric: Bool = false
    ) {
        self.access = access
        self.fields = fields.sorted()
        self.indexes = indexes
        self.upsertField = upsertField
        notify = false
        pollingSeconds = Self.defaultPollingSeconds
        maximumDailyCalls = nil
        self.filter = filter
        self.isNumeric = isNumeric
        numericFields = [:]
        fieldAccess = [:]
        savesDuplicates = false
        other = [:]
    }

    private static let known: Set<String> = [
        "access", "fields", "indexes", "upsert_field", "sf_notify_enabled", "sf_polling_seconds",
        "sf_max_daily_api_calls", "filter", "numeric", "save_duplicates",
    ]

    /// Reads a `config` object. Errors begin with `path`.
    ///
    /// - Parameter isStored: true for an object of the database, which an older version with other limits
    ///   can have stored. Its values are brought within the limits.
    package init(
        _ value: JSONValue, path: String, isStored: Bool = false
    ) throws(TenantSchemaError) {
        let reader = try JSONReader(value, path: path)
        access = try Self.access(try reader.string("access"), reader)
        let members = try reader.object("fields")
        fields = members.keys.sorted()
        guard !fields.isEmpty else { throw reader.problem("fields", "is empty") }
        isNumeric = try reader.optionalBool("numeric") ?? false
        numericFields = [:]
        fieldAccess = [:]
        savesDuplicates = try reader.optionalBool("save_duplicates") ?? false
        for name in fields {
            guard Self.isFieldName(name) else {
                throw reader.problem("fields.\(name)", "is not a field's API name")
            }
            guard let member = members[name], member.object != nil else { continue }
            let field = try JSONReader(member, path: "\(path).fields.\(name)")
            if let flag = try field.optionalBool("numeric") { numericFields[name] = flag }
            if let text = try field.optionalString("access") {
                fieldAccess[name] = try Self.access(text, field)
            }
        }
        indexes = [:]
        for (name, index) in try reader.optionalObject("indexes") ?? [:] {
            let entry = try JSONReader(index, path: "\(path).indexes.\(name)")
            indexes[name] = try entry.optionalBool("unique") ?? false
        }
        upsertField = try reader.optionalString("upsert_field")
        notify = try reader.optionalBool("sf_notify_enabled") ?? false
        pollingSeconds = try reader.optionalInt("sf_polling_seconds") ?? Self.defaultPollingSeconds
        if isStored { pollingSeconds = max(pollingSeconds, Self.minimumPollingSeconds) }
        guard pollingSeconds >= Self.minimumPollingSeconds else {
            throw reader.problem(
                "sf_polling_seconds", "must be at least \(Self.minimumPollingSeconds), not \(pollingSeconds)")
        }
        maximumDailyCalls = try reader.optionalInt("sf_max_daily_api_calls")
        filter = try reader.optionalString("filter").flatMap { $0.isBlank ? nil : $0 }
        if let filter, let problem = RowFilter.problem(filter) { throw reader.problem("filter", problem) }
        other = reader.members.filter { !Self.known.contains($0.key) }
    }

    private static func access(_ text: String, _ reader: JSONReader) throws(TenantSchemaError) -> Access {
        guard let access = Access(rawValue: text) else {
            throw reader.problem("access", "must be \"read_only\" or \"read_write\", not \"\(text)\"")
        }
        return access
    }

    /// The complete `config` object.
    package var json: JSONValue {
        var members = other
        members["access"] = .string(access.rawValue)
        members["fields"] = .object(
            Dictionary(
                uniqueKeysWithValues: Set(fields).map { name in
                    var settings: [String: JSONValue] = [:]
                    if let flag = numericFields[name] { settings["numeric"] = .bool(flag) }
                    if let access = fieldAccess[name] { settings["access"] = .string(access.rawValue) }
                    return (name, .object(settings))
                }))
        members["indexes"] = .object(indexes.mapValues { .object(["unique": .bool($0)]) })
        members["sf_notify_enabled"] = .bool(notify)
        members["sf_polling_seconds"] = .number(String(pollingSeconds))
        if let filter { members["filter"] = .string(filter) }
        if isNumeric { members["numeric"] = .bool(true) }
        if savesDuplicates { members["save_duplicates"] = .bool(true) }
        if let upsertField { members["upsert_field"] = .string(upsertField) }
        if let maximumDailyCalls { members["sf_max_daily_api_calls"] = .number(String(maximumDailyCalls)) }
        return .object(members)
    }

    /// Whether the field's decimal numbers are exact.
    func isExact(_ field: String) -> Bool { numericFields[field] ?? isNumeric }

    /// A field's API name, or a relationship and a field of the parent: `Account.External_Id__c`.
    private static func isFieldName(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count <= 2 && parts.allSatisfy { SOQL.isName($0) }
    }
}

extension String {
    fileprivate var isBlank: Bool { allSatisfy(\.isWhitespace) }
}

import Encoding
import HTTPWire
import TenantSchema

/// The form of the mapping editor, as the browser sends it.
struct MappingForm: Sendable {
    static let objectField = "object"
    /// The version of the mapping that the form was made from; empty for a new one.
    static let baseField = "base"
    static let fieldField = "field"
    static let readOnlyField = "readonly"
    static let indexField = "index"
    static let uniqueField = "unique"
    /// Names of further fields, one per line.
    static let moreField = "more"
    static let flags = ["sf_notify_enabled", "numeric", "save_duplicates"]
    static let texts = [
        "access", "sf_polling_seconds", "sf_max_daily_api_calls", "upsert_field", "filter",
    ]

    let object: String
    let base: String
    private(set) var configuration: MappingConfiguration
    /// Values that a mapping cannot have.
    private(set) var complaints: [String] = []

    /// - Parameter existing: the stored mapping, whose other settings stay; nil for a new one.
    init(_ form: Form, existing: MappingConfiguration?) {
        object = form[Self.objectField] ?? ""
        base = form[Self.baseField] ?? ""
        configuration = existing ?? MappingConfiguration(access: .readOnly, fields: ["Id"])
        for name in Self.texts {
            guard let value = form[name] else { continue }
            note(configuration.set(name, to: value.isEmpty ? "none" : value))
        }
        for name in Self.flags { note(configuration.set(name, to: form[name] == "on" ? "true" : "false")) }
        setFields(form)
        do {
            // The same check as for a file.
            configuration = try MappingConfiguration(configuration.json, path: object)
        } catch {
            complaints.append(error.message)
        }
    }

    private mutating func note(_ problem: String?) {
        if let problem { complaints.append(problem) }
    }

    private mutating func setFields(_ form: Form) {
        let more = (form[Self.moreField] ?? "").split { $0.isWhitespace || $0 == "," }.map(String.init)
        let fields = Set(form.values(Self.fieldField) + more + ["Id"])
        let readOnly = Set(form.values(Self.readOnlyField))
        let (plain, unique) = (form.values(Self.indexField), form.values(Self.uniqueField))
        // The system's own indexes are not in the form.
        var indexes = configuration.indexes.filter { Self.isAlwaysIndexed($0.key) }
        for name in plain where fields.contains(name) { indexes[name] = false }
        for name in unique where fields.contains(name) { indexes[name] = true }
        configuration.fields = fields.sorted()
        configuration.indexes = indexes
        configuration.numericFields = configuration.numericFields.filter { fields.contains($0.key) }
        configuration.fieldAccess = configuration.fieldAccess.filter {
            fields.contains($0.key) && $0.value == .readWrite && !readOnly.contains($0.key)
        }
        for name in readOnly where fields.contains(name) { configuration.fieldAccess[name] = .readOnly }
    }

    /// Whether the column of a field always has an index.
    static func isAlwaysIndexed(_ name: String) -> Bool {
        ["id", "systemmodstamp"].contains(name.lowercased())
    }

    /// The mapping as a file.
    var file: MappingFile {
        MappingFile(mappings: [.init(objectName: object, configuration: configuration)])
    }
}

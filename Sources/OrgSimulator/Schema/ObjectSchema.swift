/// An object of an org, as in its describe.
struct ObjectSchema: Sendable {
    let name: String
    let label: String
    let labelPlural: String
    /// The first three characters of its ids.
    let keyPrefix: String
    /// Removed fields stay, so that the indices of the others do not change.
    private(set) var fields: [FieldSchema]
    let traits: ObjectTraits
    /// By name as in the describe, and in lower case.
    private var places: [String: Int] = [:]
    private var relationships: [String: Int] = [:]
    private(set) var layout: WritableFields
    /// Grows with every change of the fields.
    private(set) var version = 0

    var isCustom: Bool { name.hasSuffix("__c") }

    init(
        _ name: String, label: String? = nil, plural: String, keyPrefix: String, traits: ObjectTraits,
        fields: [FieldSchema]
    ) {
        self.name = name
        self.label = label ?? name
        labelPlural = plural
        self.keyPrefix = keyPrefix
        self.fields = fields
        self.traits = traits
        layout = WritableFields(fields)
        index()
    }

    private mutating func index() {
        layout = WritableFields(fields)
        places = [:]
        relationships = [:]
        // The first of two fields with a name is found.
        for (place, field) in fields.enumerated().reversed() where !field.isRemoved {
            places[field.name] = place
            places[field.name.lowercased()] = place
            guard field.type == .reference, let relationship = field.relationshipName else { continue }
            relationships[relationship] = place
            relationships[relationship.lowercased()] = place
        }
    }

    /// The index of the field with this name. Names ignore case. Documented (SOQL).
    func place(of name: String) -> Int? { places[name] ?? places[name.lowercased()] }

    /// The index of the reference field with this relationship name.
    func place(ofRelationship name: String) -> Int? {
        relationships[name] ?? relationships[name.lowercased()]
    }

    /// Adds a field at the end.
    mutating func append(_ field: FieldSchema) {
        fields.append(field)
        index()
        version += 1
    }

    /// Removes a field.
    mutating func remove(field place: Int) {
        fields[place].isRemoved = true
        index()
        version += 1
    }

    /// Changes properties of a field, except its name.
    mutating func alter(field place: Int, _ change: (inout FieldSchema) -> Void) {
        change(&fields[place])
        index()
        version += 1
    }
}

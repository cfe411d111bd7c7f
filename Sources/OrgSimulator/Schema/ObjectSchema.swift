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
    private var places: [String: Int]
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
        places = Dictionary(
            fields.enumerated().map { ($1.name.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The index of the field with this name. Names ignore case. Documented (SOQL).
    func place(of name: String) -> Int? { places[name.lowercased()] }

    /// The index of the reference field with this relationship name.
    func place(ofRelationship name: String) -> Int? {
        fields.firstIndex {
            $0.relationshipName?.lowercased() == name.lowercased() && $0.type == .reference && !$0.isRemoved
        }
    }

    /// Adds a field at the end.
    mutating func append(_ field: FieldSchema) {
        places[field.name.lowercased()] = fields.count
        fields.append(field)
        version += 1
    }

    /// Removes a field.
    mutating func remove(field place: Int) {
        fields[place].isRemoved = true
        places[fields[place].name.lowercased()] = nil
        version += 1
    }

    /// Changes properties of a field, except its name.
    mutating func alter(field place: Int, _ change: (inout FieldSchema) -> Void) {
        change(&fields[place])
        version += 1
    }
}

/// The fields of an object that each write needs, found once.
struct WritableFields: Sendable {
    /// Fields without which no record is created.
    let required: [Int]
    /// Fields whose values no two live records share.
    let unique: [Int]
    /// The values of a record that is created without any.
    let initial: [FieldValue]
    /// CreatedDate, LastModifiedDate and SystemModstamp.
    let creationStamps: [Int]
    /// CreatedById, LastModifiedById and OwnerId.
    let creationUsers: [Int]
    /// LastModifiedDate and SystemModstamp.
    let changeStamps: [Int]
    let lastModifiedBy: Int?
    let owner: Int?
    let isDeleted: Int?
    let autoNumber: Int?
    let rollUps: [Int]
    /// Lookups of records that a write locks.
    let parents: [Int]
    /// The full name of a person, and its parts.
    let personName: (name: Int, first: Int, last: Int)?

    init(_ fields: [FieldSchema]) {
        func places(_ names: String...) -> [Int] {
            names.compactMap { name in fields.firstIndex { $0.name == name && !$0.isRemoved } }
        }
        func all(_ holds: (FieldSchema) -> Bool) -> [Int] {
            fields.indices.filter { !fields[$0].isRemoved && holds(fields[$0]) }
        }
        required = all { !$0.isNillable && $0.isCreateable && $0.type != .boolean }
        unique = all(\.isUnique)
        rollUps = all { if case .rollUp = $0.recipe { true } else { false } }
        initial = fields.map { $0.formula == nil ? $0.initial : .null }
        creationStamps = places("CreatedDate", "LastModifiedDate", "SystemModstamp")
        creationUsers = places("CreatedById", "LastModifiedById", "OwnerId")
        changeStamps = places("LastModifiedDate", "SystemModstamp")
        lastModifiedBy = places("LastModifiedById").first
        owner = places("OwnerId").first
        isDeleted = places("IsDeleted").first
        autoNumber = places("Name").first { fields[$0].isAutoNumber }
        parents = all {
            $0.type == .reference && $0.name != "MasterRecordId"
                && !["User", "RecordType", "Profile"].contains($0.referenceTo.first)
        }
        let name = places("Name", "FirstName", "LastName")
        let isPerson = name.count == 3 && fields[name[2]].compoundFieldName == "Name"
        personName = isPerson ? (name[0], name[1], name[2]) : nil
    }
}

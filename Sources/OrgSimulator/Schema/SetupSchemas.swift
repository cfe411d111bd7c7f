/// Objects that describe the org itself. Their few rows are created when the simulator starts.
extension Catalog {
    /// The org. Recorded fields, shortened.
    static let organization = ObjectSchema(
        "Organization", plural: "Organizations", keyPrefix: "00D", traits: .organization,
        fields: [
            identity, name(80),
            FieldSchema("Division", .string, length: 80), FieldSchema("Street", .textarea, length: 255),
            FieldSchema("City", .string, length: 40), FieldSchema("State", .string, length: 80),
            FieldSchema("PostalCode", .string, length: 20), FieldSchema("Country", .string, length: 80),
            FieldSchema("Phone", .phone, length: 40), FieldSchema("PrimaryContact", .string, length: 80),
            FieldSchema("DefaultLocaleSidKey", .picklist, length: 40).required,
            FieldSchema("TimeZoneSidKey", .picklist, length: 40).required,
            FieldSchema("LanguageLocaleKey", .picklist, length: 40).required,
            FieldSchema("OrganizationType", .picklist, length: 40).system,
            FieldSchema("NamespacePrefix", .string, length: 15).system,
            FieldSchema("InstanceName", .string, length: 5).system,
            FieldSchema("IsSandbox", .boolean).system,
        ] + audit)

    /// Users.
    static let user = ObjectSchema(
        "User", plural: "Users", keyPrefix: "005", traits: .user,
        fields: [
            identity, FieldSchema("Username", .string, length: 80).required.with { $0.isIDLookup = true },
            FieldSchema("LastName", .string, length: 80).required,
            FieldSchema("FirstName", .string, length: 40),
            name(121).system, FieldSchema("Email", .email, length: 128).required,
            FieldSchema("Alias", .string, length: 8).required, FieldSchema("IsActive", .boolean),
            FieldSchema("TimeZoneSidKey", .picklist, length: 40).required,
            FieldSchema("LocaleSidKey", .picklist, length: 40).required,
            FieldSchema("EmailEncodingKey", .picklist, length: 40).required,
            FieldSchema("LanguageLocaleKey", .picklist, length: 40).required,
            FieldSchema("UserType", .picklist, length: 40).system,
            reference("ProfileId", to: "Profile", relationship: "Profile").required,
        ] + audit)

    /// Permission sets. Each profile owns one.
    static let permissionSet = ObjectSchema(
        "PermissionSet", label: "Permission Set", plural: "Permission Sets", keyPrefix: "0PS", traits: .setup,
        fields: [
            identity, name(80), FieldSchema("Label", .string, length: 80).required,
            reference("ProfileId", to: "Profile", relationship: "Profile").system,
            FieldSchema("IsOwnedByProfile", .boolean).system,
        ] + UserRight.allCases.map { FieldSchema($0.fieldName, .boolean) } + audit)

    /// Assignments of permission sets to users, including those of profiles. Documented.
    static let permissionSetAssignment = ObjectSchema(
        "PermissionSetAssignment", label: "Permission Set Assignment", plural: "Permission Set Assignments",
        keyPrefix: "0Pa", traits: .setup,
        fields: [
            identity,
            reference("PermissionSetId", to: "PermissionSet", relationship: "PermissionSet").required,
            reference("AssigneeId", to: "User", relationship: "Assignee").required,
            FieldSchema("IsActive", .boolean).system,
            FieldSchema("SystemModstamp", .datetime).system.required,
        ])

    /// Profiles.
    static let profile = ObjectSchema(
        "Profile", plural: "Profiles", keyPrefix: "00e", traits: .setup,
        fields: [identity, name(255), FieldSchema("UserType", .picklist, length: 40).system]
            + UserRight.allCases.map { FieldSchema($0.fieldName, .boolean) } + audit)

    /// Record types.
    static let recordType = ObjectSchema(
        "RecordType", label: "Record Type", plural: "Record Types", keyPrefix: "012", traits: .setup,
        fields: [
            identity, name(80), FieldSchema("DeveloperName", .string, length: 80).required,
            FieldSchema("SobjectType", .picklist, length: 40).required,
            FieldSchema("IsActive", .boolean),
        ] + audit)

    private static func name(_ length: Int) -> FieldSchema {
        FieldSchema("Name", .string, length: length).required.with { $0.isNameField = true }
    }
}

/// The rows of the objects that describe the org itself: users, profiles and permission sets.
struct SetupRows {
    /// Rows by object, each with a value for each field of its schema.
    let byObject: [(object: String, rows: [[FieldValue]])]

    /// When the org was created.
    private static let founded = FieldValue.instant(1_420_070_400_000)

    init(org: Org) {
        let profiles = IDSpace(keyPrefix: "00e", org: org.number)
        let sets = IDSpace(keyPrefix: "0PS", org: org.number)
        let assignments = IDSpace(keyPrefix: "0Pa", org: org.number)
        let first = org.users[0]
        var users: [[FieldValue]] = []
        var profileRows: [[FieldValue]] = []
        var setRows: [[FieldValue]] = []
        var assignmentRows: [[FieldValue]] = []
        for (place, user) in org.users.enumerated() {
            let rights = Dictionary(
                uniqueKeysWithValues: UserRight.allCases.map {
                    ($0.fieldName, FieldValue.boolean(user.rights.contains($0)))
                })
            let profile = profiles.id(place + 1)
            let set = sets.id(place + 1)
            users.append(Self.row(Catalog.user, first, Self.fields(of: user, profile: profile)))
            let isAdmin = place == 0
            profileRows.append(
                Self.row(
                    Catalog.profile, first,
                    rights.merging([
                        "Id": .id(profile), "UserType": .text("Standard"),
                        "Name": .text(isAdmin ? "System Administrator" : "Profile of \(user.name)"),
                    ]) { $1 }))
            setRows.append(
                Self.row(
                    Catalog.permissionSet, first,
                    rights.merging([
                        "Id": .id(set), "Name": .text("X\(profile.text15)"), "Label": .text(profile.text18),
                        "ProfileId": .id(profile), "IsOwnedByProfile": .boolean(true),
                    ]) { $1 }))
            assignmentRows.append(
                Self.row(
                    Catalog.permissionSetAssignment, first,
                    [
                        "Id": .id(assignments.id(place + 1)), "PermissionSetId": .id(set),
                        "AssigneeId": .id(user.id), "IsActive": .boolean(true),
                    ]))
        }
        byObject = [
            ("User", users), ("Profile", profileRows), ("PermissionSet", setRows),
            ("PermissionSetAssignment", assignmentRows),
            ("Organization", [Self.row(Catalog.organization, first, Self.fields(of: org))]),
        ]
    }

    private static func fields(of user: OrgUser, profile: OrgRecordID) -> [String: FieldValue] {
        [
            "Id": .id(user.id), "Username": .text(user.username), "LastName": .text(user.lastName),
            "FirstName": .text(user.firstName), "Name": .text(user.name), "Email": .text(user.username),
            "Alias": .text(String(user.firstName.prefix(8)).lowercased()), "IsActive": .boolean(true),
            "TimeZoneSidKey": .text("Europe/Berlin"), "LocaleSidKey": .text("en_US"),
            "EmailEncodingKey": .text("UTF-8"), "LanguageLocaleKey": .text("en_US"),
            "UserType": .text("Standard"), "ProfileId": .id(profile),
        ]
    }

    private static func fields(of org: Org) -> [String: FieldValue] {
        [
            "Id": .id(org.id), "Name": .text(org.name), "Country": .text("US"),
            "PrimaryContact": .text(org.users[0].name), "DefaultLocaleSidKey": .text("en_US"),
            "TimeZoneSidKey": .text("America/Los_Angeles"), "LanguageLocaleKey": .text("en_US"),
            "OrganizationType": .text("Developer Edition"), "InstanceName": .text("CS420"),
            "IsSandbox": .boolean(false),
        ]
    }

    /// A row of `schema` with these fields. Sets the audit fields; other fields are null.
    private static func row(
        _ schema: ObjectSchema, _ author: OrgUser, _ fields: [String: FieldValue]
    ) -> [FieldValue] {
        schema.fields.map { field in
            if let value = fields[field.name] { return value }
            switch field.name {
            case "CreatedDate", "LastModifiedDate", "SystemModstamp": return founded
            case "CreatedById", "LastModifiedById": return .id(author.id)
            default: return .null
            }
        }
    }
}

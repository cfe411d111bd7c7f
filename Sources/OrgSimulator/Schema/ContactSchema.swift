extension Catalog {
    /// Contact: the recorded standard fields.
    static let contact = ObjectSchema(
        "Contact", plural: "Contacts", keyPrefix: "003", traits: .business,
        fields: contactHead + address("Other", nulls: 220) + address("Mailing", nulls: 40) + contactStandard
            + [owner] + audit + activity + contactTail)

    private static let contactHead: [FieldSchema] = [
        identity, isDeleted,
        reference("MasterRecordId", to: "Contact", relationship: "MasterRecord", label: "Master Record ID")
            .system,
        reference("AccountId", to: "Account", relationship: "Account", label: "Account ID").permissionable
            .filled(.reference(to: "Account"), nulls: 20),
        text("LastName", .string, 80, [.oneOf(.family)], nulls: 0).required.part(of: "Name")
            .with { $0.extraTypeInfo = "personname" },
        text("FirstName", .string, 40, [.oneOf(.given)]).part(of: "Name")
            .with { $0.extraTypeInfo = "personname" },
        picklist("Salutation", ["Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx."], nulls: 100).part(of: "Name")
            .with { $0.extraTypeInfo = "personname" },
        text("Name", .string, 121, [.oneOf(.given), .text(" "), .oneOf(.family)], nulls: 0).system.required
            .with {
                $0.label = "Full Name"
                $0.isNameField = true
                $0.extraTypeInfo = "personname"
            },
    ]

    private static let contactStandard: [FieldSchema] = [
        phone("Phone", nulls: 30), phone("Fax", nulls: 230), phone("MobilePhone", nulls: 60),
        phone("HomePhone", nulls: 230), phone("OtherPhone", nulls: 240), phone("AssistantPhone", nulls: 240),
        reference("ReportsToId", to: "Contact", relationship: "ReportsTo", label: "Reports To ID")
            .permissionable
            .filled(.reference(to: "Contact"), nulls: 192),
        text("Email", .email, 80, [.text("p"), .number, .text("@"), .oneOf(.domain)]).permissionable
            .with { $0.isIDLookup = true },
        text("Title", .string, 128, [.oneOf(.adjective), .text(" Officer")]).permissionable,
        text("Department", .string, 80, [.oneOf(.industry)], nulls: 90).permissionable,
        text("AssistantName", .string, 40, [.oneOf(.given)], nulls: 220).permissionable,
        picklist("LeadSource", ["Web", "Phone Inquiry", "Partner Referral", "Other"], length: 255)
            .permissionable,
        FieldSchema("Birthdate", .date).permissionable.filled(.date(-14_600...13_000), nulls: 90),
        FieldSchema("Description", .textarea, length: 32_000).permissionable
            .with { $0.extraTypeInfo = "plaintextarea" }.filled(.prose(maximum: 32_000), nulls: 128),
    ]

    private static let contactTail: [FieldSchema] = [
        text("EmailBouncedReason", .string, 255, [.text("550 no such user, "), .oneOf(.domain)], nulls: 240),
        FieldSchema("EmailBouncedDate", .datetime).filled(.instant, nulls: 240),
        FieldSchema("IsEmailBounced", .boolean).system.filled(.chance(16)),
        FieldSchema("PhotoUrl", .url, length: 255).system.with { $0.extraTypeInfo = "imageurl" }
            .filled(.phrase([.text("/services/images/photo/"), .number]), nulls: 100),
        text("Jigsaw", .string, 20, [.digits(9)], nulls: 230).permissionable,
        picklist("CleanStatus", ["Matched", "Different", "Acknowledged", "NotFound", "Pending"])
            .permissionable
            .with { $0.isRestrictedPicklist = true },
    ]

    private static func phone(_ name: String, nulls: UInt8) -> FieldSchema {
        text(name, .phone, 40, [.text("+1 ("), .digits(3), .text(") "), .digits(7)], nulls: nulls)
            .permissionable
    }
}

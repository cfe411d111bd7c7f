extension Catalog {
    /// Account: the recorded standard fields, and custom fields so that every type occurs.
    static let account = ObjectSchema(
        "Account", plural: "Accounts", keyPrefix: "001", traits: .business,
        fields: accountHead + address("Billing", nulls: 20) + address("Shipping", nulls: 128)
            + accountStandard
            + [owner] + audit + activity + accountTail + accountCustom)

    private static let accountHead: [FieldSchema] = [
        identity, isDeleted,
        reference("MasterRecordId", to: "Account", relationship: "MasterRecord", label: "Master Record ID")
            .system,
        text(
            "Name", .string, 255,
            [.oneOf(.adjective), .text(" "), .oneOf(.thing), .text(" "), .oneOf(.suffix)],
            nulls: 0
        ).required.part(of: "Name").with {
            $0.label = "Account Name"
            $0.isNameField = true
            $0.extraTypeInfo = "switchablepersonname"
        },
        picklist(
            "Type", ["Prospect", "Customer - Direct", "Customer - Channel", "Technology Partner", "Other"]
        )
        .permissionable,
        reference("RecordTypeId", to: "RecordType", relationship: "RecordType", label: "Record Type ID"),
        reference("ParentId", to: "Account", relationship: "Parent", label: "Parent Account ID")
            .permissionable
            .filled(.reference(to: "Account"), nulls: 192),
    ]

    private static let accountStandard: [FieldSchema] = [
        text("Phone", .phone, 40, [.text("+44 20 "), .digits(8)]).permissionable,
        text("Fax", .phone, 40, [.text("("), .digits(3), .text(") "), .digits(7)], nulls: 200).permissionable,
        text("AccountNumber", .string, 40, [.text("AC-"), .number]).permissionable,
        text(
            "Website", .url, 255,
            [.text("https://"), .oneOf(.domain), .text("/c?id="), .number, .text("&x=1,2")]
        )
        .permissionable,
        FieldSchema("PhotoUrl", .url, length: 255).system.with { $0.extraTypeInfo = "imageurl" }
            .filled(.phrase([.text("/services/images/photo/"), .number]), nulls: 100),
        text("Sic", .string, 20, [.digits(4)]).permissionable,
        picklist(
            "Industry",
            ["Agriculture", "Apparel", "Banking", "Biotechnology", "Construction", "Energy", "Other"]
        ).permissionable,
        FieldSchema("AnnualRevenue", .currency).permissionable
            .filled(.decimal(-5_000_000...2_000_000_000, scale: 0), nulls: 40),
        FieldSchema("NumberOfEmployees", .int, label: "Employees").permissionable
            .filled(.integer(-3...250_000), nulls: 30),
        picklist("Ownership", ["Public", "Private", "Subsidiary", "Other"]).permissionable,
        text("TickerSymbol", .string, 20, [.oneOf(.suffix)], nulls: 128).permissionable,
        FieldSchema("Description", .textarea, length: 32_000).permissionable
            .with { $0.extraTypeInfo = "plaintextarea" }.filled(.prose(maximum: 32_000), nulls: 60),
        picklist("Rating", ["Hot", "Warm", "Cold"]).permissionable,
        text("Site", .string, 80, [.oneOf(.city), .text(" "), .digits(1)], nulls: 60).permissionable,
    ]

    private static let accountTail: [FieldSchema] = [
        text("Jigsaw", .string, 20, [.digits(9)], nulls: 230).permissionable,
        text("JigsawCompanyId", .string, 20, [.digits(9)], nulls: 230).system
            .with { $0.relationshipName = "JigsawCompany" },
        picklist("CleanStatus", ["Matched", "Different", "Acknowledged", "NotFound", "Pending"])
            .permissionable
            .with { $0.isRestrictedPicklist = true },
        picklist("AccountSource", ["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"])
            .permissionable,
        text("DunsNumber", .string, 9, [.digits(9)], nulls: 128).permissionable,
        text("Tradestyle", .string, 255, [.oneOf(.adjective), .text(" "), .oneOf(.thing)], nulls: 128)
            .permissionable,
        text("NaicsCode", .string, 8, [.digits(6)], nulls: 128).permissionable,
        text("NaicsDesc", .string, 120, [.oneOf(.industry)], nulls: 128).permissionable,
        text("YearStarted", .string, 4, [.text("19"), .digits(2)], nulls: 128).permissionable,
        text("SicDesc", .string, 80, [.oneOf(.industry)], nulls: 60).permissionable,
    ]

    private static let accountCustom: [FieldSchema] = [
        FieldSchema("External_ID__c", .string, length: 40).permissionable
            .filled(.phrase([.text("ext-"), .number])).with {
                $0.isExternalID = true
                $0.isIDLookup = true
            },
        FieldSchema("Score__c", .double).permissionable.with { $0.scale = 6 }
            .filled(.decimal(-2_000_000_000...2_000_000_000, scale: 6), nulls: 30),
        FieldSchema("Mass__c", .double).permissionable.filled(.scientific, nulls: 60),
        FieldSchema("Budget__c", .currency).permissionable.with { $0.scale = 2 }
            .filled(.decimal(-100_000...9_999_999_999, scale: 2), nulls: 30),
        FieldSchema("Discount__c", .percent).permissionable.with { $0.scale = 2 }
            .filled(.decimal(-500...10_000, scale: 2), nulls: 30),
        FieldSchema("Renewal_Date__c", .date).permissionable.filled(.date(-25_567...47_481), nulls: 40),
        FieldSchema("Last_Audit__c", .datetime).permissionable.filled(.instant, nulls: 40),
        FieldSchema("Opens_At__c", .time).permissionable.filled(.timeOfDay, nulls: 60),
        FieldSchema("Interests__c", .multipicklist, length: 4099).permissionable
            .with { $0.picklist = interests }.filled(.choices(interests), nulls: 60),
        text("Support_Email__c", .email, 80, [.text("help+"), .number, .text("@"), .oneOf(.domain)])
            .permissionable,
        FieldSchema("Is_Partner__c", .boolean).permissionable.filled(.chance(64)),
        FieldSchema("Rich_Notes__c", .textarea, length: 32_768).permissionable.with { $0.isHTML = true }
            .filled(.phrase([.text("<p>"), .oneOf(.sentence), .text("</p>")]), nulls: 128),
        FieldSchema("Revenue_Per_Employee__c", .double).permissionable.with { $0.scale = 2 }
            .calculated(Formula(numerator: "AnnualRevenue", denominator: "NumberOfEmployees")),
        FieldSchema("Contact_Count__c", .double).permissionable.rollUp(of: "Contact", by: "AccountId"),
    ]

    private static let interests = ["Bikes", "Boats", "Cars", "Planes & Gliders", "Trains"]
}

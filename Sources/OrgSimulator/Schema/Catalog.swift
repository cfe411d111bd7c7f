/// The objects of every simulated org.
enum Catalog {
    /// In the order of the global describe.
    static let objects: [ObjectSchema] = [
        account, connection, contact, lead, organization, permissionSet, permissionSetAssignment, profile,
        pushTopic, recordType, tweet, user,
    ]

    /// The fields that every object begins with. Recorded.
    static let identity = FieldSchema("Id", .id, length: 18, label: "Record ID").system.required.defaulted
        .filled(.identity).with { $0.isIDLookup = true }

    /// IsDeleted. Recorded.
    static let isDeleted = FieldSchema("IsDeleted", .boolean, label: "Deleted").system.filled(.deletion)

    /// The owner of a record. Recorded.
    static let owner = reference("OwnerId", to: "User", relationship: "Owner", label: "Owner ID").required
        .defaulted
        .filled(.user)

    /// The audit fields, in the recorded order.
    static let audit: [FieldSchema] = [
        FieldSchema("CreatedDate", .datetime).system.required.defaulted.filled(.created),
        reference("CreatedById", to: "User", relationship: "CreatedBy", label: "Created By ID").system
            .required
            .defaulted.filled(.user),
        FieldSchema("LastModifiedDate", .datetime).system.required.defaulted.filled(.modified),
        reference(
            "LastModifiedById", to: "User", relationship: "LastModifiedBy", label: "Last Modified By ID"
        )
        .system.required.defaulted.filled(.user),
        FieldSchema("SystemModstamp", .datetime, label: "System Modstamp").system.required.defaulted
            .filled(.modified),
    ]

    /// The current user's last views of a record: empty for an integration. Recorded.
    static let activity: [FieldSchema] = [
        FieldSchema("LastActivityDate", .date, label: "Last Activity").system
            .filled(.date(18_000...20_000), nulls: 128),
        FieldSchema("LastViewedDate", .datetime).system,
        FieldSchema("LastReferencedDate", .datetime).system,
    ]

    /// A lookup.
    static func reference(
        _ name: String, to object: String, relationship: String, label: String? = nil
    ) -> FieldSchema {
        FieldSchema(name, .reference, length: 18, label: label).with {
            $0.referenceTo = [object]
            $0.relationshipName = relationship
        }
    }

    /// A picklist with these values.
    static func picklist(_ name: String, _ values: [String], length: Int = 40, nulls: UInt8 = 40)
        -> FieldSchema
    {
        FieldSchema(name, .picklist, length: length).with { $0.picklist = values }
            .filled(.choice(values), nulls: nulls)
    }

    /// A text of phrases.
    static func text(
        _ name: String, _ type: FieldKind = .string, _ length: Int, _ parts: [Recipe.Part],
        nulls: UInt8 = 30
    ) -> FieldSchema {
        FieldSchema(name, type, length: length).filled(.phrase(parts), nulls: nulls)
    }

    /// The nine fields of an address. Recorded.
    static func address(_ kind: String, nulls: UInt8) -> [FieldSchema] {
        let compound = "\(kind)Address"
        let accuracies = [
            "Address", "NearAddress", "Block", "Street", "Zip", "City", "County", "State", "Unknown",
        ]
        return [
            text(
                "\(kind)Street", .textarea, 255, [.digits(2), .text(" "), .oneOf(.street)], nulls: nulls
            ).with { $0.extraTypeInfo = "plaintextarea" },
            text("\(kind)City", 40, [.oneOf(.city)], nulls: nulls),
            text("\(kind)State", 80, [.oneOf(.region)], nulls: nulls),
            text("\(kind)PostalCode", 20, [.digits(5)], nulls: nulls),
            text("\(kind)Country", 80, [.oneOf(.country)], nulls: nulls),
            FieldSchema("\(kind)Latitude", .double).filled(.decimal(-900_000...900_000, scale: 4), nulls: 200)
                .with { $0.scale = 15 },
            FieldSchema("\(kind)Longitude", .double).filled(
                .decimal(-1_800_000...1_800_000, scale: 4), nulls: 200
            )
            .with { $0.scale = 15 },
            picklist("\(kind)GeocodeAccuracy", accuracies, nulls: 200).with {
                $0.isRestrictedPicklist = true
            },
        ].map { $0.part(of: compound).permissionable } + [FieldSchema(compound, .address).permissionable]
    }

    private static func text(
        _ name: String, _ length: Int, _ parts: [Recipe.Part], nulls: UInt8
    ) -> FieldSchema {
        text(name, .string, length, parts, nulls: nulls)
    }
}

extension Catalog {
    /// Lead: some of the documented fields. The parts of its address are left out.
    static let lead = ObjectSchema(
        "Lead", plural: "Leads", keyPrefix: "00Q", traits: .business,
        fields: [
            identity, isDeleted,
            text("LastName", .string, 80, [.oneOf(.family)], nulls: 0).required.part(of: "Name"),
            text("FirstName", .string, 40, [.oneOf(.given)]).part(of: "Name"),
            text("Name", .string, 121, [.oneOf(.given), .text(" "), .oneOf(.family)], nulls: 0).system
                .required
                .with { $0.isNameField = true },
            text("Company", .string, 255, [.oneOf(.thing), .text(" "), .oneOf(.suffix)], nulls: 0).required,
            text("Email", .email, 80, [.text("l"), .number, .text("@"), .oneOf(.domain)]).permissionable,
            picklist("Status", ["Open", "Working", "Closed - Converted"], nulls: 0).required.defaulted
                .with { $0.initial = .text("Open") },
            owner,
            FieldSchema("IsConverted", .boolean).system,
            FieldSchema("ConvertedDate", .date).system,
            reference("ConvertedAccountId", to: "Account", relationship: "ConvertedAccount").system,
            reference("ConvertedContactId", to: "Contact", relationship: "ConvertedContact").system,
        ] + audit)

    /// PushTopic: the subscription of a query's records. Documented: Streaming API Developer Guide,
    /// "PushTopic".
    static let pushTopic = ObjectSchema(
        "PushTopic", label: "Push Topic", plural: "Push Topics", keyPrefix: "0IF", traits: .setup,
        fields: [
            identity, isDeleted,
            FieldSchema("Name", .string, length: 25).required.with { $0.isNameField = true },
            FieldSchema("Query", .string, length: 1300).required,
            FieldSchema("ApiVersion", .double).required,
            flag("IsActive"),
            FieldSchema("NotifyForFields", .picklist, length: 40).with { $0.initial = .text("Referenced") },
            flag("NotifyForOperationCreate"), flag("NotifyForOperationUpdate"),
            flag("NotifyForOperationDelete"),
            flag("NotifyForOperationUndelete"),
            FieldSchema("Description", .textarea, length: 400),
        ] + audit)

    private static func flag(_ name: String) -> FieldSchema {
        FieldSchema(name, .boolean).with { $0.initial = .boolean(true) }
    }
}

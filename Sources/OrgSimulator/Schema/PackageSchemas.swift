/// The custom objects of the simulated managed package.
extension Catalog {
    /// A post of a social network about an account.
    static let tweet = ObjectSchema(
        "Tweet__c", label: "Tweet", plural: "Tweets", keyPrefix: "a00", traits: .custom,
        fields: [
            identity, owner, isDeleted,
            FieldSchema("Name", .string, length: 80, label: "Tweet Name").required.defaulted
                .filled(.phrase([.text("T-"), .number])).with {
                    $0.isNameField = true
                    $0.isIDLookup = true
                    $0.isAutoNumber = true
                }.system,
        ] + audit + [
            FieldSchema("External_ID__c", .string, length: 40).permissionable
                .filled(.phrase([.digits(10), .number])).with {
                    $0.isExternalID = true
                    $0.isIDLookup = true
                },
            FieldSchema("Text__c", .textarea, length: 1000).permissionable
                .filled(.phrase([.oneOf(.sentence), .text(" #"), .oneOf(.thing), .text(" 🚀")]), nulls: 8),
            text("Author__c", .string, 120, [.text("@"), .oneOf(.given), .number]).permissionable,
            text("Url__c", .url, 255, [.text("https://social.example/status/"), .number]).permissionable,
            FieldSchema("Posted_At__c", .datetime).permissionable.filled(.instant, nulls: 8),
            FieldSchema("Likes__c", .double).permissionable.filled(
                .decimal(0...100_000, scale: 0), nulls: 30),
            FieldSchema("Sentiment__c", .percent).permissionable.with { $0.scale = 2 }
                .filled(.decimal(-10_000...10_000, scale: 2), nulls: 60),
            FieldSchema("Is_Reply__c", .boolean).permissionable.filled(.chance(100)),
            reference("Account__c", to: "Account", relationship: "Account__r", label: "Account")
                .permissionable
                .filled(.reference(to: "Account"), nulls: 60),
        ])

    /// An object with too many fields for a query in an address.
    static func wide(fields: Int) -> ObjectSchema {
        ObjectSchema(
            "Wide__c", label: "Wide", plural: "Wides", keyPrefix: "a02", traits: .custom,
            fields: [identity, owner, isDeleted] + audit
                + (1...max(fields, 1)).map {
                    text("Measurement_Of_Station_\($0)__c", .string, 18, [.number]).permissionable
                })
    }

    /// Rows of a wide object.
    static let wideRows = 5

    /// The package's record of its connection to the service.
    static let connection = ObjectSchema(
        "Connection__c", label: "Connection", plural: "Connections", keyPrefix: "a01", traits: .custom,
        fields: [
            identity, owner, isDeleted,
            FieldSchema("Name", .string, length: 80, label: "Connection Name").required.defaulted
                .filled(.phrase([.text("C-"), .number])).with {
                    $0.isNameField = true
                    $0.isIDLookup = true
                    $0.isAutoNumber = true
                }.system,
        ] + audit + [
            FieldSchema("Connection_Id__c", .string, length: 36).permissionable
                .filled(.phrase([.text("connection-"), .number])).with {
                    $0.isExternalID = true
                    $0.isIDLookup = true
                },
            text("Authorize_URL__c", .url, 255, [.text("https://app.example/authenticate?c="), .number])
                .permissionable,
            picklist("Status__c", ["Authorized", "Importing", "Live", "Paused", "Failed"], length: 255)
                .permissionable,
            FieldSchema("Last_Sync__c", .datetime).permissionable.filled(.instant, nulls: 60),
            FieldSchema("Message__c", .textarea, length: 32_768).permissionable
                .filled(.prose(maximum: 4000), nulls: 60),
        ])
}

import Foundation
package import Salesforce
package import TenantSchema

/// Describes of the default mapping's objects, as an org returns them.
package enum Describes {
    package static func field(_ name: String, _ type: FieldType, length: Int = 0) -> FieldDescribe {
        var field = FieldDescribe(name: name, type: type)
        field.length = length
        return field
    }

    package static func reference(_ name: String, to parents: [String], relationship: String) -> FieldDescribe
    {
        var field = field(name, .reference, length: 18)
        field.referenceTo = parents
        field.relationshipName = relationship
        return field
    }

    package static func externalID(_ name: String, length: Int = 40) -> FieldDescribe {
        var field = field(name, .string, length: length)
        field.externalId = true
        field.unique = true
        field.idLookup = true
        return field
    }

    package static func object(_ name: String, _ fields: [FieldDescribe]) -> ObjectDescribe {
        var describe = ObjectDescribe(
            name: name,
            fields: [
                field("Id", .id, length: 18), field("IsDeleted", .boolean),
                field("CreatedDate", .dateTime), field("LastModifiedDate", .dateTime),
                field("SystemModstamp", .dateTime),
                reference("OwnerId", to: ["User"], relationship: "Owner"),
            ] + fields)
        describe.queryable = true
        return describe
    }

    private static func strings(_ names: [(String, Int)], type: FieldType = .string) -> [FieldDescribe] {
        names.map { field($0.0, type, length: $0.1) }
    }

    private static func address(_ prefix: String) -> [FieldDescribe] {
        [field("\(prefix)Street", .textArea, length: 255), field("\(prefix)Address", .address)]
            + strings([
                ("\(prefix)City", 40), ("\(prefix)State", 80), ("\(prefix)PostalCode", 20),
                ("\(prefix)Country", 80),
            ])
    }

    package static let account = object(
        "Account",
        address("Billing") + address("Shipping")
            + strings([
                ("Name", 255), ("AccountNumber", 40), ("Sic", 20), ("SicDesc", 80), ("TickerSymbol", 20),
                ("Site", 80),
            ])
            + strings([("Type", 40), ("Industry", 40), ("Ownership", 40), ("Rating", 40)], type: .picklist)
            + strings([("Phone", 40), ("Fax", 40)], type: .phone) + [
                reference("ParentId", to: ["Account"], relationship: "Parent"),
                field("BillingLatitude", .double), field("BillingLongitude", .double),
                field("Website", .url, length: 255), field("AnnualRevenue", .currency),
                field("NumberOfEmployees", .int), field("Description", .textArea, length: 32_000),
            ])

    package static let contact = object(
        "Contact",
        address("Mailing")
            + strings([
                ("FirstName", 40), ("LastName", 80), ("Name", 121), ("Title", 128), ("Department", 80),
            ]) + strings([("Phone", 40), ("MobilePhone", 40)], type: .phone) + [
                reference("AccountId", to: ["Account"], relationship: "Account"),
                field("Salutation", .picklist, length: 40), field("Email", .email, length: 80),
                field("Birthdate", .date), field("LeadSource", .picklist, length: 255),
                field("Description", .textArea, length: 32_000),
            ])

    package static let tweet = object(
        "Tweet__c",
        [
            field("Name", .string, length: 80), externalID("External_ID__c"),
            reference("Account__c", to: ["Account"], relationship: "Account__r"),
            field("Author__c", .string, length: 80), field("Likes__c", .double),
            field("Posted_At__c", .dateTime), field("Text__c", .textArea, length: 32_768),
        ])

    package static let connection = object(
        "Connection__c",
        [
            field("Name", .string, length: 80), externalID("Connection_Id__c"),
            field("Authorize_URL__c", .url, length: 255), field("Status__c", .picklist, length: 255),
        ])

    package static let all = [account, contact, tweet, connection]

    /// `config/mapping.json`.
    package static func defaultMapping() throws -> MappingFile {
        let url = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../config/mapping.json")
        return try MappingFile(parsing: Array(try Data(contentsOf: url)))
    }

    /// The plans of the default mapping.
    package static func defaultPlans() throws -> [TablePlan] {
        try defaultMapping().mappings.compactMap { entry in
            all.first { $0.name == entry.objectName }.map {
                TablePlan($0, entry.configuration, resolver: NameResolver(namespace: nil))
            }
        }
    }
}

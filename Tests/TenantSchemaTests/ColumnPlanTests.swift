import Encoding
import Salesforce
import SampleDescribes
import Testing

@testable import TenantSchema

/// Columns by external id, exact numbers, compound fields, row filters and very wide objects.
struct ColumnPlanTests {
    private func configuration(_ json: String) throws -> MappingConfiguration {
        try MappingConfiguration(try JSONValue(parsing: Array(json.utf8)), path: "config")
    }

    private func plan(
        _ describe: ObjectDescribe, _ configuration: MappingConfiguration,
        parents: [String: ObjectDescribe] = [:], namespace: String? = nil
    ) -> TablePlan {
        TablePlan(
            describe, configuration, resolver: NameResolver(namespace: namespace), parents: parents)
    }

    private var account: ObjectDescribe {
        var account = Describes.account
        account.fields.append(Describes.externalID("Ext__c", length: 30))
        return account
    }

    @Test(arguments: ["Account__Ext__c", "Account__r__Ext__c", "Account.Ext__c", "account__ext__c"])
    func `the parent's external id has the same column under each of its names`(name: String) throws {
        let configuration = MappingConfiguration(access: .readWrite, fields: [name])
        let resolver = NameResolver(namespace: nil)
        #expect(TablePlan.parents(of: Describes.contact, configuration, resolver) == ["Account"])
        let plan = plan(Describes.contact, configuration, parents: ["Account": account])
        #expect(plan.problems.isEmpty)
        let column = try #require(plan.columns.first { $0.parent != nil })
        #expect(column.name == "account__ext__c")
        #expect(column.source == "Account.Ext__c")
        #expect(column.parent?.reference == "AccountId")
        #expect(!column.isRead)
        #expect(column.isSelected)
        #expect(column.isMapped(by: configuration, resolver))
    }

    @Test(arguments: ["Account__r__Ext__c", "Account__Ext__c", "Account__r.Ext__c"])
    func `a custom lookup's external id keeps the r in its column`(name: String) throws {
        let plan = plan(
            Describes.tweet, MappingConfiguration(access: .readOnly, fields: [name]),
            parents: ["Account": account])
        #expect(plan.columns.first { $0.parent != nil }?.name == "account__r__ext__c")
        #expect(plan.columns.first { $0.parent != nil }?.source == "Account__r.Ext__c")
    }

    @Test func `a lookup of the package is found with the namespace`() throws {
        let reference = Describes.reference("ns__Owner__c", to: ["Account"], relationship: "ns__Owner__r")
        let describe = Describes.object("ns__Depot__c", [reference])
        let plan = plan(
            describe, MappingConfiguration(access: .readOnly, fields: ["Owner__r__Ext__c"]),
            parents: ["Account": account], namespace: "ns")
        #expect(plan.columns.first { $0.parent != nil }?.name == "ns__owner__r__ext__c")
    }

    @Test func `an external id through a lookup with several kinds of parents is only written`() throws {
        let reference = Describes.reference("WhoId", to: ["Contact", "Lead"], relationship: "Who")
        var contact = Describes.contact
        contact.fields.append(Describes.externalID("Ext__c"))
        let plan = plan(
            Describes.object("Task", [reference]),
            MappingConfiguration(access: .readWrite, fields: ["Who__Ext__c"]), parents: ["Contact": contact])
        let column = try #require(plan.columns.first { $0.parent != nil })
        #expect(!column.isSelected)
        #expect(!plan.read.contains { $0.column == column.name })
    }

    @Test func `decimal numbers are double precision, and numeric if the mapping asks for exact ones`() throws
    {
        let fields =
            #""access":"read_only","fields":{"AnnualRevenue":{},"BillingLatitude":{"numeric":true},"NumberOfEmployees":{}}"#
        func types(_ config: String) throws -> [String: ColumnType] {
            let columns = plan(Describes.account, try configuration(config)).columns
            return Dictionary(uniqueKeysWithValues: columns.map { ($0.name, $0.type) })
        }
        let some = try types("{\(fields)}")
        #expect(some["annualrevenue"] == .doublePrecision)
        #expect(some["billinglatitude"] == .numeric)
        let all = try types(#"{\#(fields),"numeric":true}"#)
        #expect(all["annualrevenue"] == .numeric)
        #expect(all["numberofemployees"] == .integer)
    }

    @Test func `a setting of this product survives writing`() throws {
        let text =
            #"{"access":"read_only","fields":{"A":{"numeric":false},"B.C__c":{}},"filter":"Name != null","numeric":true,"sf_polling_seconds":10}"#
        let read = try configuration(text)
        #expect(read.filter == "Name != null")
        #expect(try configuration(read.json.serialized) == read)
    }

    @Test func `a compound field is a problem that names its parts`() throws {
        var describe = Describes.account
        for index in describe.fields.indices where describe.fields[index].name.hasPrefix("Billing") {
            describe.fields[index].compoundFieldName = "BillingAddress"
        }
        let plan = plan(
            describe, MappingConfiguration(access: .readOnly, fields: ["BillingAddress", "BillingCity"]))
        #expect(plan.columns.contains { $0.name == "billingcity" })
        #expect(plan.problems.map(\.kind) == [.unsupportedType])
        #expect(plan.problems.first?.message.contains("map its parts instead: BillingCity, ") == true)
    }

    @Test(arguments: [
        ("sf_polling_seconds", "9", "must be at least 10, not 9"),
        ("filter", #""Name = 'a') OR (Name = 'b'""#, nil),
        ("filter", #""Name = 'a') LIMIT (1""#, nil),
        ("filter", #""Name = 'a'))""#, "closes a parenthesis that is not open"),
        ("filter", #""(Name = 'a'""#, "has an open parenthesis"),
        ("filter", #""Name = 'a""#, "has a string without its closing quote"),
        ("filter", #""Name = 'it\\'s (fine'""#, nil),
    ])
    func `an invalid setting is refused by name`(key: String, value: String, problem: String?) {
        var found: String?
        do {
            _ = try configuration(#"{"access":"read_only","fields":{"Id":{}},"\#(key)":\#(value)}"#)
        } catch {
            found = (error as? TenantSchemaError)?.message
        }
        if value.contains(") OR (") || value.contains(") LIMIT (") {
            #expect(found == "config.filter: closes a parenthesis that is not open")
        } else {
            #expect(found == problem.map { "config.\(key): \($0)" })
        }
    }

    @Test func `a stored mapping with a shorter interval is read as the shortest one`() throws {
        let config = #"{"access":"read_only","fields":{"Id":{}},"sf_polling_seconds":2}"#
        let read = try MappingConfiguration(
            try JSONValue(parsing: Array(config.utf8)), path: "config", isStored: true)
        #expect(read.pollingSeconds == 10)
    }

    @Test func `queries of a filtered mapping have its filter in parentheses`() throws {
        let configuration = MappingConfiguration(
            access: .readOnly, fields: ["Name"], filter: "Name = 'a' OR Name = 'b'")
        let ddl = TenantDDL(schema: "s", hstoreSchema: "public", organizationID: "00D")
        let plan = ImportPlan(plan(Describes.account, configuration), ddl: ddl)
        #expect(
            try plan.soql().text
                == "SELECT Id,IsDeleted,Name,SystemModstamp FROM Account WHERE (Name = 'a' OR Name = 'b')")
        #expect(
            try plan.countQuery().text
                == "SELECT COUNT() FROM Account WHERE (Name = 'a' OR Name = 'b')")
    }

    @Test func `an object with 800 long field names has a query for Bulk, but not for an address`() throws {
        let names = (0..<800).map { "Quite_A_Long_Field_Name_Of_A_Customer_\($0)__c" }
        let describe = Describes.object("Wide__c", names.map { Describes.field($0, .boolean) })
        let plan = plan(describe, MappingConfiguration(access: .readOnly, fields: names))
        #expect(plan.columns.count == 802)
        #expect(plan.problems.isEmpty)
        let ddl = TenantDDL(schema: "s", hstoreSchema: "public", organizationID: "00D")
        let soql = try ImportPlan(plan, ddl: ddl).soql()
        #expect(!RESTClient.canQuery(soql))
        #expect(soql.text.utf8.count <= SalesforceLimits.soqlCharacters)
    }

    @Test func `a stored plan is read as it was written`() throws {
        let configuration = MappingConfiguration(
            access: .readWrite, fields: ["Account.Ext__c", "Gone__c", "Email", "Birthdate", "Description"],
            indexes: ["Email": true], filter: "Email != null")
        var describe = Describes.contact
        describe.fields.append(Describes.field("Score__c", .double))
        let plan = plan(describe, configuration, parents: ["Account": account])
        let stored = try JSONValue(parsing: Array(plan.json.serialized.utf8))
        #expect(try TablePlan(json: stored) == plan)
        for plan in try Describes.defaultPlans() { #expect(try TablePlan(json: plan.json) == plan) }
    }

    @Test func `a plan of another version is refused, so that its table is planned again`() throws {
        var members = try #require(try Describes.defaultPlans()[0].json.object)
        members["version"] = .number("2")
        #expect(throws: TenantSchemaError(.invalidPlan, "the plan has version 2, not 1")) {
            _ = try TablePlan(json: .object(members))
        }
    }
}

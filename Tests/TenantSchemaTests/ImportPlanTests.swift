import Salesforce
import SampleDescribes
import Testing

@testable import TenantSchema

struct ImportPlanTests {
    private let ddl = TenantDDL(schema: "salesforce00d", hstoreSchema: "public", organizationID: "00D")

    private func importPlan(_ fields: [String]) -> ImportPlan {
        ImportPlan(
            TablePlan(
                Describes.account, MappingConfiguration(access: .readOnly, fields: fields),
                resolver: NameResolver(namespace: nil)), ddl: ddl)
    }

    @Test func `the query selects the columns in their order`() throws {
        let soql = try importPlan(["Name", "NumberOfEmployees"]).soql()
        #expect(
            soql.text
                == "SELECT Id,IsDeleted,Name,NumberOfEmployees,SystemModstamp FROM Account")
    }

    @Test func `an empty cell is null in each column`() {
        #expect(
            importPlan(["Name"]).copyStatement == """
                copy "salesforce00d"."account" ("sfid", "isdeleted", "name", "systemmodstamp") from stdin \
                (format csv, header true, encoding 'UTF8', force_null ("sfid", "isdeleted", "name", "systemmodstamp"))
                """)
    }
}

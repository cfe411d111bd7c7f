import Testing

@testable import Salesforce

struct DescribeTests {
    @Test func `unknown keys are ignored and missing keys have defaults`() throws {
        let body = """
            {"name":"Tweet__c","label":"Tweet","custom":true,"keyPrefix":"a01","brandNew":{"x":[1]},"queryable":true,
             "fields":[{"name":"Id","type":"id","length":18,"nillable":false,"soapType":"tns:ID","newKey":null},
                       {"name":"Amount__c","type":"currency","precision":18,"scale":2,"relationshipName":null},
                       {"name":"Thing__c","type":"quantum"},
                       {"name":"Owner","type":"reference","referenceTo":["User","Group"]}]}
            """
        let object = try ObjectDescribe(parsing: Array(body.utf8))
        #expect(object.name == "Tweet__c")
        #expect(object.custom && object.queryable && !object.deletable)
        #expect(object.field(named: "ID")?.length == 18)
        #expect(object.field(named: "amount__c")?.scale == 2)
        #expect(object.field(named: "Thing__c")?.type.rawValue == "quantum")
        #expect(object.field(named: "Owner")?.referenceTo == ["User", "Group"])
        #expect(object.field(named: "nope") == nil)
    }

    @Test func `a malformed describe is refused`() {
        #expect(throws: SalesforceError.self) { try ObjectDescribe(parsing: Array("{}".utf8)) }
    }
}

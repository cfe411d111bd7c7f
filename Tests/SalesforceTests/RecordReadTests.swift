import Cryptography
import Encoding
import Foundation
import Testing

@testable import Salesforce

struct RecordReadTests {
    private func plan(_ ids: Int, _ bytes: Int, isConditional: Bool = false) -> RecordReadPlan {
        RecordReadPlan(ids: ids, queryBytes: bytes, idQueryBytes: 100, isConditional: isConditional)
    }

    @Test func `few records are read by query, and many by one call for each 2,000`() {
        #expect(plan(1, 1_000) == .query(ids: 399))
        #expect(plan(399, 1_000) == .query(ids: 399))
        #expect(plan(400, 1_000) == .collection)
        #expect(plan(1, 20_000) == .collection)
    }

    @Test func `a filter needs queries, in two steps if the object is wide`() {
        #expect(plan(5_000, 1_000, isConditional: true) == .query(ids: 399))
        #expect(plan(5_000, 11_000, isConditional: true) == .queryThenCollection(ids: 432))
        #expect(plan(20, 11_000, isConditional: true) == .query(ids: 28))
        #expect(plan(20, 90_000, isConditional: true) == .queryThenCollection(ids: 432))
    }

    @Test func `a record that is gone is missing in the answer, and an invalid id is refused`() async throws {
        try await SimulatedOrg.run { org in
            let all = try await org.rest.query(try SOQL.select(["Id", "Name"], from: "Account")).records
            let ids = all.compactMap { $0["Id"]?.string }
            let read = try await org.rest.records(
                Array(ids.prefix(5)) + ["001000000000000AAA"], fields: ["Name"], of: "Account")
            #expect(Set(read.compactMap { $0["Id"]?.string }) == Set(ids.prefix(5)))
            #expect(try await org.rest.records([], fields: ["Name"], of: "Account").isEmpty)
            #expect(
                await org.code { _ = try await org.rest.records(["001*"], fields: ["Id"], of: "Account") }
                    == .malformedID)
            let filtered = try await org.rest.records(
                ids, fields: ["Name"], of: "Account", filter: "Name = '\(all[0]["Name"]?.string ?? "")'")
            #expect(filtered.count == 1)
        }
    }

    @Test func `channels are read from members of the standard and of custom channels`() throws {
        func rows(_ text: String) throws -> [JSONValue] {
            try JSONValue(parsing: Array(text.utf8)).array ?? []
        }
        let channels = EventChannels(
            channels: try rows(
                """
                [{"Id":"0YLRM000000004m4AA","DeveloperName":"Sales","ChannelType":"data",
                  "NamespacePrefix":null},
                 {"Id":"0YLRM000000004n4AA","DeveloperName":"Alerts","ChannelType":"event"}]
                """),
            members: try rows(
                """
                [{"EventChannel":"ChangeEvents","SelectedEntity":"AccountChangeEvent"},
                 {"EventChannel":"ChangeEvents","SelectedEntity":"ns__Thing__ChangeEvent"},
                 {"EventChannel":"0YLRM000000004m","SelectedEntity":"LeadChangeEvent"},
                 {"EventChannel":"Other__chn","SelectedEntity":"CaseChangeEvent"},
                 {"EventChannel":"0YLRM000000004n4AA","SelectedEntity":"Order__e"}]
                """))
        #expect(channels.standard == ["Account", "ns__Thing__c"])
        #expect(channels.custom == ["/data/Sales__chn": ["Lead"], "/data/Other__chn": ["Case"]])
        #expect(EventChannels.channel(of: "Account") == "/data/AccountChangeEvent")
        #expect(EventChannels.channel(of: "ns__Thing__c") == "/data/ns__Thing__ChangeEvent")
    }

    @Test func `the list of objects has names and what can be queried`() throws {
        let answer =
            #"{"sobjects":[{"name":"Account","queryable":true,"keyPrefix":"001"},"#
            + #"{"name":"X","queryable":false}]}"#
        let list = try GlobalDescribe(parsing: Array(answer.utf8))
        #expect(list.objects["Account"]?.isQueryable == true && list.objects["Account"]?.keyPrefix == "001")
        #expect(list.objects["X"]?.isQueryable == false && list.objects["X"]?.keyPrefix == nil)
        #expect(throws: SalesforceError.self) { try GlobalDescribe(parsing: Array("{}".utf8)) }
    }

    @Test func `each request asks the gate, and a refusal sends nothing`() async throws {
        try await SimulatedOrg.run { org in
            let sent = org.usage.latest?.used
            let gate = CallGate(admit: { throw SalesforceError(.heldBack) })
            let token = AccessToken(value: .init(text: "t"), instance: org.origin, version: 1)
            let rest = RESTClient(http: org.http, hosts: org.oauth.hosts, tokens: { _ in token }, gate: gate)
            #expect(await org.code { _ = try await rest.limits() } == .heldBack)
            _ = try await org.rest.limits()
            #expect(org.usage.latest?.used == (sent ?? 0) + 1)
        }
    }
}

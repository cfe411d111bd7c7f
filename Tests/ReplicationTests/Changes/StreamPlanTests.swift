import Foundation
import Testing

@testable import Replication
@testable import Salesforce

/// Which channels are subscribed and which mappings are polled, as a table of cases.
struct StreamPlanTests {
    private static let account = StreamPlan.Table(mapping: UUID(), object: "Account", events: 900)
    private static let contact = StreamPlan.Table(mapping: UUID(), object: "Contact", events: 20)
    private static let thing = StreamPlan.Table(mapping: UUID(), object: "Thing__c", events: 5)

    private func plan(
        _ tables: [StreamPlan.Table] = [account, contact, thing], selected: Set<String>? = nil,
        custom: [String: Set<String>] = [:], topics: [String: String] = [:], delivered: OrgLimit? = nil,
        moved: Set<UUID> = [], notified: Set<UUID> = []
    ) -> StreamPlan {
        StreamPlan(
            tables,
            StreamPlan.Facts(selected: selected, custom: custom, topics: topics, delivered: delivered),
            moved: moved, notified: notified)
    }

    @Test func `one channel carries all objects if the org selects just the mapped ones`() {
        let plan = plan([Self.account, Self.contact], selected: ["Account", "Contact"])
        #expect(plan.channels == [StreamPlan.allEvents])
        #expect(plan.feeds[Self.account.mapping] == .events(channel: StreamPlan.allEvents))
    }

    @Test func `objects without a mapping do not use up the delivered events`() {
        let plan = plan([Self.account, Self.thing], selected: ["Account", "Case", "Thing__c"])
        #expect(plan.channels == ["/data/AccountChangeEvent", "/data/Thing__ChangeEvent"])
    }

    @Test func `an object that the org does not select is polled`() {
        let plan = plan([Self.account, Self.contact], selected: ["Account"])
        #expect(plan.channels == [StreamPlan.allEvents])
        #expect(plan.feeds[Self.contact.mapping] == .polls(.notSelected))
        #expect(!plan.isFed(Self.contact.mapping) && plan.isFed(Self.account.mapping))
    }

    @Test func `a custom channel with just the mapped objects is taken`() {
        let plan = plan(
            [Self.account, Self.contact], selected: ["Account", "Case"],
            custom: [
                "/data/Sync__chn": ["Account", "Contact"], "/data/All__chn": ["Account", "Contact", "Case"],
            ])
        #expect(plan.channels == ["/data/Sync__chn"])
    }

    @Test func `an object on a custom channel only is read from the one with the fewest other objects`() {
        let plan = plan(
            [Self.account, Self.contact], selected: ["Account", "Case"],
            custom: ["/data/A__chn": ["Contact", "Lead", "Case"], "/data/B__chn": ["Contact", "Lead"]])
        #expect(plan.channels == ["/data/AccountChangeEvent", "/data/B__chn"])
    }

    @Test func `if the org does not say what it selects, events are taken and polls keep their pace`() {
        let plan = plan([Self.account])
        #expect(plan.channels == [StreamPlan.allEvents])
        #expect(plan.feeds[Self.account.mapping] == .polls(.unknown))
    }

    @Test func `the busiest object is polled when the delivered events get short`() {
        let selected: Set<String> = ["Account", "Contact", "Thing__c"]
        let low = plan(selected: selected, delivered: OrgLimit(maximum: 10_000, remaining: 1_500))
        #expect(low.moved == [Self.account.mapping])
        #expect(low.feeds[Self.account.mapping] == .polls(.allowance))
        #expect(low.channels == ["/data/ContactChangeEvent", "/data/Thing__ChangeEvent"])
        // Still short at the next reading: one more.
        let lower = plan(
            selected: selected, delivered: OrgLimit(maximum: 10_000, remaining: 1_400), moved: low.moved)
        #expect(lower.moved == [Self.account.mapping, Self.contact.mapping])
    }

    @Test func `no object is streamed when the delivered events are used up`() {
        let plan = plan(
            selected: ["Account", "Contact", "Thing__c"], delivered: OrgLimit(maximum: 10_000, remaining: 400)
        )
        #expect(plan.channels.isEmpty && plan.moved.count == 3)
    }

    @Test func `objects return to events when the window allows, the calmest first`() {
        let moved: Set<UUID> = [Self.account.mapping, Self.contact.mapping]
        let selected: Set<String> = ["Account", "Contact", "Thing__c"]
        let between = plan(
            selected: selected, delivered: OrgLimit(maximum: 10_000, remaining: 4_000), moved: moved)
        #expect(between.moved == moved)
        let free = plan(
            selected: selected, delivered: OrgLimit(maximum: 10_000, remaining: 6_000), moved: moved)
        #expect(free.moved == [Self.account.mapping])
    }

    @Test func `a PushTopic only triggers early polls, and only if the mapping asks for it`() {
        let topics = ["Contact": "ContactChanges", "Account": "AccountChanges"]
        let plan = plan(
            [Self.account, Self.contact], selected: [], topics: topics, notified: [Self.contact.mapping])
        #expect(plan.channels == ["/topic/ContactChanges"])
        #expect(plan.feeds[Self.contact.mapping] == .polls(.notSelected))
        #expect(PushTopic.object(of: "SELECT Id, Name FROM Contact WHERE Name != null") == "Contact")
    }

    @Test func `names of PushTopics differ for long names of objects, and fit`() {
        let names = ["Account", "acme__Order_Line_Item__c", "acme__Order_Line_Item_2__c"].map(PushTopic.name)
        #expect(Set(names).count == 3)
        for name in names {
            #expect(name.count <= 25)
            #expect(!name.contains("__"))
        }
    }

    @Test func `a refused channel is left out and its mappings are polled`() {
        var plan = plan([Self.account, Self.thing], selected: ["Account", "Case", "Thing__c"])
        plan.refuse(["/data/AccountChangeEvent"])
        #expect(plan.channels == ["/data/Thing__ChangeEvent"])
        #expect(plan.feeds[Self.account.mapping] == .polls(.streamRefused))
    }

    @Test func `feeds are stored as text for operators and read back`() {
        for feed in [StreamPlan.Feed.events(channel: "/data/A__chn"), .polls(.allowance), .polls(.unknown)] {
            #expect(StreamPlan.Feed(feed.text) == feed)
        }
        #expect(StreamPlan.Feed("something else") == nil)
    }
}

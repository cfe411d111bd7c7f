import Cryptography
import Encoding
import Foundation
import FoundationNetworking
import HTTPServer
import HTTPWire
import Logging
import Postgres
import Reactor
import Support
import Synchronization
import Testing

/// The ISV's app as a receiver of webhooks. It keeps the events.
final class FeedReceiver: Sendable {
    private let events = Mutex<[JSONValue]>([])
    let listener: Listener

    init() throws { listener = try Listener.tcp(host: "127.0.0.1", port: 0) }

    var url: String { "http://127.0.0.1:\(listener.address.port)/hook" }

    func events(_ kind: String) -> [JSONValue] {
        events.withLock { $0.filter { $0["type"]?.string == kind } }
    }

    /// The values of a member of `data`, each once.
    func values(_ kind: String, _ member: String) -> Set<String> {
        Set(events(kind).compactMap { $0["data"]?[member].map { $0.string ?? $0.serialized } })
    }

    func serve() async throws {
        var router = Router()
        router.on(.post, "/hook", maximumBodyBytes: 2 << 20) { [self] request in
            let body = try JSONValue(parsing: request.body)
            events.withLock { $0 += body["events"]?.array ?? [] }
            return .text("ok")
        }
        router.on(.post, "/process") { request in
            let body = try JSONValue(parsing: request.body)
            let number = body["input"]?["number"]?.int ?? 0
            return .json(bytes: Array(#"{"result":"process \#(number)"}"#.utf8))
        }
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        try await Server(router: router, configuration: ServerConfiguration(), logger: logger)
            .serve(on: listener)
    }
}

extension ApplicationRig {
    /// Publishes an event as the org does.
    func publish(_ number: Int) async throws {
        let answer = try await deployment.post(
            deployment.simulatorURL + "/simulator/orgs/\(org.id)/events",
            body: #"{"event":"Order_Ready__e","payload":{"Order_Number__c":"in-\#(number)"}}"#)
        #expect(answer.status == 200, "\(answer.text)")
    }

    /// Sends an outbound message as the org does. Returns the status and the text of the answer.
    func sendMessage(_ url: String, _ number: Int, org sender: String? = nil) async throws -> (Int, String) {
        let id = "04l" + String(repeating: "0", count: 12 - "\(number)".count) + "\(number)"
        let body = """
            <?xml version="1.0" encoding="UTF-8"?>
            <soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" \
            xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>\
            <notifications xmlns="http://soap.sforce.com/2005/09/outbound">\
            <OrganizationId>\(sender ?? org.id)</OrganizationId><ActionId>04k90000000PGrlAAG</ActionId>\
            <Notification><Id>\(id)</Id><sObject xsi:type="sf:Account" \
            xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>0019000001KwyWtAAJ</sf:Id>\
            <sf:Name>n\(number)</sf:Name></sObject></Notification></notifications></soapenv:Body>\
            </soapenv:Envelope>
            """
        let answer = try await deployment.post(url, body: body, type: "text/xml; charset=utf-8")
        return (answer.status, answer.text)
    }

    /// The last line of a command that must succeed.
    func run(_ arguments: String...) throws -> [String] {
        let program = try Program.multiconnect(
            arguments, environment: deployment.environment.merging(["LOG_LEVEL": "critical"]) { $1 })
        let status = program.exitStatus()
        #expect(status == 0, "\(arguments): \(program.output)")
        return program.output.split(separator: "\n").map(String.init)
    }

    /// Waits until the stream is connected again with the channel.
    func untilSubscribed() async throws {
        try await eventually(within: .seconds(40), "subscribed\n\(worker.output.suffix(2000))") {
            try await publish(0)
            try await Task.sleep(for: .milliseconds(300))
            return try await app("select exists (select from T._platform_event_log)").scalar()
        }
    }
}

/// An installation with a webhook that gets all events. The token is the webhook's.
func withFeed(
    _ body:
        @escaping @concurrent @Sendable (ApplicationRig, FeedReceiver, _ token: String) async throws -> Void
) async throws {
    try await withApplication(environment: ["WEBHOOK_PRIVATE_ADDRESSES": "true"]) { rig in
        let app = try FeedReceiver()
        let lines = try rig.run("webhooks", "add", "app", "--url", app.url)
        let token = try #require(lines.last?.split(separator: " ").last).description
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await app.serve() }
            try await body(rig, app, token)
            group.cancelAll()
        }
    }
}

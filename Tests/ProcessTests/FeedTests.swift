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
private final class App: Sendable {
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
}

extension ProcessTests {
    /// The change feed, platform events and outbound messages of a whole installation.
    @Suite(.tags(.process), .serialized)
    struct FeedTests {
        private func withFeed(
            _ body:
                @escaping @concurrent @Sendable (ApplicationRig, App, _ token: String) async throws -> Void
        ) async throws {
            try await withApplication(environment: ["WEBHOOK_PRIVATE_ADDRESSES": "true"]) { rig in
                let app = try App()
                let lines = try rig.run("webhooks", "add", "app", "--url", app.url)
                let token = try #require(lines.last?.split(separator: " ").last).description
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await app.serve() }
                    try await body(rig, app, token)
                    group.cancelAll()
                }
            }
        }

        @Test func `changes of rows, platform events and outbound messages reach the app`() async throws {
            try await withFeed { rig, app, token in
                try await rig.change(#"{"kind":"create","records":[{"Name":"Fed"}]}"#)
                try await eventually("the row's event arrives") {
                    !app.events("row.created").isEmpty
                }
                let created = try #require(app.events("row.created").first)
                #expect(created["data"]?["object"]?.string == "Account")
                #expect(created["data"]?["schema"]?.string == rig.org.schema)

                _ = try rig.run("events", "subscribe", rig.org.id, "Order_Ready__e")
                try await untilSubscribed(rig)
                try await rig.publish(1)
                try await eventually("the platform event arrives") {
                    !app.events("event.received").isEmpty
                }
                let row = try #require(try await rig.app("select * from T._platform_event_log").first)
                #expect(try row["channel"] == "/event/Order_Ready__e")

                // Out: by the application's insert, by a command and by an API call. We receive our own.
                try await rig.app(
                    """
                    insert into T._platform_events (event_name, payload)
                    values ('Order_Ready__e', '{"Order_Number__c": "out-1"}')
                    """)
                _ = try rig.run(
                    "events", "publish", rig.org.id, "Order_Ready__e", #"{"Order_Number__c":"out-2"}"#)
                let answer = try await rig.deployment.post(
                    "http://127.0.0.1:\(rig.deployment.webPort)/feed/publish",
                    body: #"""
                        {"org_id":"\#(rig.org.id)","event":"Order_Ready__e","payload":{"Order_Number__c":"out-3"}}
                        """#, headers: ["Authorization": "Bearer \(token)"])
                #expect(answer.status == 202, "\(answer.text)")
                try await rig.app(
                    "insert into T._platform_events (event_name, payload) values ('Nope__e', '{}')")
                try await eventually("all are published") {
                    let numbers: [String] = try await rig.app(
                        """
                        select payload->>'Order_Number__c' from T._platform_event_log
                        where payload->>'Order_Number__c' <> 'in-0' order by 1
                        """
                    ).column()
                    return numbers == ["in-1", "out-1", "out-2", "out-3"]
                }
                try await eventually("their results are stored") {
                    try await rig.app(
                        """
                        select count(*) filter (where state = 'SUCCESS' and event_uuid is not null) = 3
                          and count(*) filter (where state = 'FAILED' and error is not null) = 1
                        from T._platform_events
                        """
                    ).scalar()
                }
                try await outbound(rig, app)
            }
        }

        private func outbound(_ rig: ApplicationRig, _ app: App) async throws {
            let url = try #require(try rig.run("outbound", "url", rig.org.id).last)
            for _ in 1...2 {
                let (status, text) = try await rig.sendMessage(url, 7)
                #expect(status == 200)
                #expect(text.contains("<Ack>true</Ack>"))
            }
            try await eventually("the message arrives") { !app.events("message.received").isEmpty }
            #expect(try await rig.app("select count(*) from T._outbound_messages").scalar(as: Int.self) == 1)
            for (target, sender) in [(url + "x", rig.org.id), (url, "00D90000000gNcmEAE")] {
                let (status, text) = try await rig.sendMessage(target, 8, org: sender)
                #expect([403, 404].contains(status))
                #expect(text.contains("<Ack>false</Ack>"))
            }
            #expect(app.events("message.received").count == 1)
            // The org sends until it has an acknowledgement.
            try await rig.deployment.fault(#"{"kind":"clear"}"#)
            let records = Array(try await rig.records("Account", by: "sfid").keys.prefix(3))
            let simulator = "\(rig.deployment.simulatorURL)/simulator/orgs/\(rig.org.id)/outbound"
            let ids = records.map { "\"\($0)\"" }.joined(separator: ",")
            let queued = try await rig.deployment.post(
                simulator, body: "{\"url\":\"\(url)\",\"ids\":[\(ids)]}")
            #expect(queued.status == 204, "\(queued.text)")
            try await eventually("all are acknowledged") {
                let counts = try await rig.deployment.send(URLRequest(url: URL(string: simulator)!))
                return counts.text.contains("\"acknowledged\":3")
            }
            #expect(try await rig.app("select count(*) from T._outbound_messages").scalar(as: Int.self) == 4)
        }

        @Test func `a call of Apex runs as a process of the app, and its result reaches the org`()
            async throws
        {
            try await withFeed { rig, app, _ in
                let secret = "0123456789abcdef0123456789abcdef"
                let port = try Deployment.freePort()
                let web = try await rig.deployment.startWeb(["CALLBACK_SECRET": secret, "PORT": "\(port)"])
                defer { web.kill() }
                _ = try rig.run("processes", "set", "enrich", app.url.replacing("/hook", with: "/process"))
                let record: String = try await rig.app("select sfid from T.account order by id limit 1")
                    .scalar()
                func call(_ name: String, _ number: Int, key: String) async throws -> Deployment.Answer {
                    let body = """
                        {"org_id":"\(rig.org.id)","object":"Account","record_id":"\(record)","field":"Phone",\
                        "key":"\(key)","input":{"number":\(number)}}
                        """
                    let time = "\(Int(Date().timeIntervalSince1970))"
                    let code = HMAC.sha256(
                        key: Array(secret.utf8), message: Array("\(time).\(body)".utf8))
                    return try await rig.deployment.post(
                        "http://127.0.0.1:\(port)/processes/\(name)", body: body,
                        headers: [
                            "X-Multiconnect-Timestamp": time, "X-Multiconnect-Signature": Hex.encode(code),
                        ])
                }
                try await eventually("the other web process answers") {
                    (try? await call("nope", 1, key: "x"))?.status == 404
                }
                let first = try await call("enrich", 7, key: "a")
                #expect(first.status == 202, "\(first.text)")
                #expect(try await call("enrich", 8, key: "a").text == first.text, "the same run")
                try await eventually("the result reaches the org") {
                    try await rig.records("Account", by: "sfid")[record]?["phone"]?.string == "process 7"
                }
                let unsigned = try await rig.deployment.post(
                    "http://127.0.0.1:\(port)/processes/enrich", body: "{}")
                #expect(unsigned.status == 401)
                let closed = try await rig.deployment.post(
                    "http://127.0.0.1:\(rig.deployment.webPort)/processes/enrich", body: "{}")
                #expect(closed.status == 403, "without CALLBACK_SECRET")
            }
        }

        @Test func `a stream of events is resumed where it ended, and needs a token`() async throws {
            try await withFeed { rig, _, token in
                let url = URL(string: "http://127.0.0.1:\(rig.deployment.webPort)/feed/events")!
                let refused = try await rig.deployment.send(URLRequest(url: url))
                #expect(refused.status == 401)
                let first = try stream(url, token, after: nil)
                try await eventually("the stream is open") { first.output.contains("id: ") }
                try await rig.change(#"{"kind":"create","records":[{"Name":"First"}]}"#)
                try await eventually("the event arrives") { first.output.contains("event: row.created") }
                first.kill()
                let ids = first.output.split(separator: "\n").filter { $0.hasPrefix("id: ") }
                let last = String(try #require(ids.last).dropFirst(4))
                try await rig.change(#"{"kind":"create","records":[{"Name":"Second"}]}"#)
                try await eventually("the change is applied") {
                    try await rig.app("select exists (select from T.account where name = 'Second')").scalar()
                }
                let second = try stream(url, token, after: last)
                defer { second.kill() }
                try await eventually("the missed event arrives") {
                    second.output.contains("event: row.created")
                }
                try await Task.sleep(for: .seconds(2))
                #expect(second.output.split(separator: "\n").count { $0 == "event: row.created" } == 1)
            }
        }

        private func stream(_ url: URL, _ token: String, after id: String?) throws -> Program {
            let resume = id.map { ["-H", "Last-Event-ID: \($0)"] } ?? []
            return try Program(
                "curl", "/usr/bin/curl",
                ["-sN", "-H", "Authorization: Bearer \(token)"] + resume + [url.absoluteString])
        }

        private func untilSubscribed(_ rig: ApplicationRig) async throws {
            // The stream is connected again with the channel.
            try await eventually(within: .seconds(40), "subscribed\n\(rig.worker.output.suffix(2000))") {
                try await rig.publish(0)
                try await Task.sleep(for: .milliseconds(300))
                return try await rig.app("select exists (select from T._platform_event_log)").scalar()
            }
        }

        @Test func `workers killed at any moment lose no event, no message and no delivery`() async throws {
            try await withFeed { rig, app, _ in
                let url = try #require(try rig.run("outbound", "url", rig.org.id).last)
                _ = try rig.run("events", "subscribe", rig.org.id, "Order_Ready__e")
                try await untilSubscribed(rig)
                var worker = rig.worker
                let count = 40
                for number in 1...count {
                    try await rig.publish(number)
                    try await rig.change(#"{"kind":"create","records":[{"Name":"Row \#(number)"}]}"#)
                    #expect(try await rig.sendMessage(url, number).0 == 200)
                    try await rig.app(
                        """
                        insert into T._platform_events (event_name, payload)
                        values ('Order_Ready__e', '{"Order_Number__c": "out-\(number)"}')
                        """)
                    guard number % 10 == 5 else { continue }
                    try await Task.sleep(for: .milliseconds(.random(in: 0...1_500)))
                    worker.kill()
                    worker = try rig.deployment.startWorker()
                }
                defer { worker.kill() }
                let expected = Set((1...count).flatMap { ["in-\($0)", "out-\($0)"] })
                try await eventually(within: .seconds(120), "all is delivered\n\(worker.output.suffix(3000))")
                {
                    let numbers = app.events("event.received").compactMap {
                        $0["data"]?["payload"]?["Order_Number__c"]?.string
                    }
                    return Set(numbers).isSuperset(of: expected)
                        && app.values("message.received", "notification_id").count >= count
                        && app.values("row.created", "sfid").count >= count
                }
                // In the tables each event is there once.
                let twice: Int = try await rig.app(
                    """
                    select count(*) from (
                      select from T._platform_event_log group by channel, replay_id having count(*) > 1) as x
                    """
                ).scalar()
                #expect(twice == 0)
                #expect(
                    try await rig.app("select count(*) from T._outbound_messages").scalar(as: Int.self)
                        == count)
            }
        }
    }
}

import Encoding
import Reactor
import Testing

@testable import OrgSimulator

/// CometD without sockets: requests, answers, and a clock that tests move.
struct StreamTests {
    /// A subscriber that keeps its cookie.
    struct Subscriber {
        var token: String
        var client = ""
        var cookie = ""
        var last: Reply?

        mutating func send(_ test: inout TestWorld, _ message: String) -> [JSONValue] {
            let reply = test.call(
                "POST", "/cometd/60.0", token: token,
                headers: cookie.isEmpty ? [:] : ["Cookie": "BAYEUX_BROWSER=\(cookie)"], body: message)
            last = reply
            return reply.document.elements
        }

        mutating func handshake(_ test: inout TestWorld) -> JSONValue {
            let answer =
                send(
                    &test,
                    #"[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"],"id":"1"}]"#
                ).first ?? .null
            client = answer["clientId"]?.text ?? ""
            let header = last?.header("Set-Cookie")?.split(separator: ";").first ?? ""
            cookie = header.split(separator: "=").last.map(String.init) ?? ""
            return answer
        }

        mutating func subscribe(_ test: inout TestWorld, _ channel: String, replay: Int = -1) -> JSONValue {
            send(
                &test,
                #"[{"channel":"/meta/subscribe","clientId":"\#(client)","subscription":"\#(channel)","id":"3","#
                    + #""ext":{"replay":{"\#(channel)":\#(replay)}}}]"#
            ).first ?? .null
        }

        mutating func connect(_ test: inout TestWorld) -> [JSONValue] {
            send(
                &test,
                #"[{"channel":"/meta/connect","clientId":"\#(client)","connectionType":"long-polling","id":"2"}]"#
            )
        }

        /// A subscriber whose next connect waits or has events.
        static func ready(
            _ test: inout TestWorld, _ channel: String = "/data/ChangeEvents", replay: Int = -1
        ) throws -> Subscriber {
            var subscriber = Subscriber(token: try test.token())
            _ = subscriber.handshake(&test)
            _ = subscriber.connect(&test)
            #expect(subscriber.subscribe(&test, channel, replay: replay)["successful"] == true)
            return subscriber
        }

        var wait: StreamWait? {
            if case .wait(let wait)? = last?.body { wait } else { nil }
        }
    }

    private func create(_ test: inout TestWorld, _ name: String, headers: [String: String] = [:]) throws
        -> String
    {
        let reply = test.call(
            "POST", "/services/data/v66.0/sobjects/Account", token: try test.token(), headers: headers,
            body: #"{"Name":"\#(name)","BillingStreet":"1 Way"}"#)
        return try #require(reply.document["id"]?.text)
    }

    @Test func `the first connect returns at once, the next one waits for an event`() throws {
        var test = TestWorld.streaming()
        var subscriber = try Subscriber.ready(&test)
        _ = subscriber.connect(&test)
        let wait = try #require(subscriber.wait)
        #expect(wait.deadline == test.now + 110_000)
        #expect(!wait.event.isSet)
        test.now += 50
        let id = try create(&test, "Acme", headers: ["Sforce-Call-Options": "client=abc"])
        #expect(wait.event.isSet)
        let messages = test.world.resume(wait, now: test.now).document.elements
        #expect(messages.count == 2)
        #expect(messages[0]["channel"] == "/data/ChangeEvents")
        let payload = try #require(messages[0]["data"]?["payload"])
        let header = try #require(payload["ChangeEventHeader"])
        #expect(header["recordIds"]?.elements.first?.text == id)
        #expect(header["changeType"] == "CREATE")
        #expect(header["entityName"] == "Account")
        #expect(header["commitTimestamp"]?.number == test.now)
        #expect(header["changeOrigin"] == "com/salesforce/api/rest/66.0;client=abc")
        #expect(payload["Name"] == "Acme")
        #expect(payload["BillingAddress"]?["Street"] == "1 Way")
        #expect(payload["CreatedDate"] == "2023-11-14T22:13:20.000Z")
        for hidden in [
            "Id", "SystemModstamp", "IsDeleted", "Revenue_Per_Employee__c", "BillingStreet", "Fax",
        ] {
            #expect(payload[hidden] == nil)
        }
        #expect(messages[1]["channel"] == "/meta/connect")
        #expect(messages[1]["successful"] == true)
    }

    @Test func `a connect without events is answered after 110 seconds`() throws {
        var test = TestWorld.streaming()
        var subscriber = try Subscriber.ready(&test)
        _ = subscriber.connect(&test)
        let wait = try #require(subscriber.wait)
        let answer = test.world.resume(wait, now: wait.deadline).document.elements
        #expect(answer.map { $0["channel"] } == ["/meta/connect"])
    }

    @Test func `an update has changed fields only, and null for emptied ones`() throws {
        var test = TestWorld.streaming()
        let id = try create(&test, "Acme")
        var subscriber = try Subscriber.ready(&test)
        test.now += 2000
        let path = "/services/data/v66.0/sobjects/Account/\(id)"
        _ = test.call(
            "PATCH", path, token: try test.token(), body: #"{"Name":"Acme","BillingStreet":null,"Sic":"12"}"#)
        _ = test.call("DELETE", path, token: try test.token())
        let undelete = #"{"kind":"undelete","ids":["\#(id)"]}"#
        #expect(test.call("POST", "/simulator/orgs/1/changes", body: undelete).status == 200)
        let messages = subscriber.connect(&test)
        #expect(messages.count == 4)
        let payload = try #require(messages[0]["data"]?["payload"])
        #expect(payload.names == ["BillingAddress", "ChangeEventHeader", "LastModifiedDate", "Sic"])
        #expect(payload["BillingAddress"]?["Street"] == JSONValue.null)
        let changed = payload["ChangeEventHeader"]?["changedFields"]?.elements.compactMap(\.text) ?? []
        #expect(Set(changed) == ["BillingAddress.Street", "LastModifiedDate", "Sic"])
        #expect(messages[1]["data"]?["payload"]?.names == ["ChangeEventHeader"])
        #expect(messages[2]["data"]?["payload"]?["Name"] == "Acme")
        let ids = messages.dropLast().compactMap { $0["data"]?["event"]?["replayId"]?.number }
        #expect(ids == ids.sorted())
    }

    @Test func `equal changes of one request share an event`() throws {
        var test = TestWorld.streaming()
        var subscriber = try Subscriber.ready(&test)
        let space = IDSpace(keyPrefix: "001", org: 1)
        let ids = (1...3).map { space.id($0).text18 }
        let records = ids.map { #"{"attributes":{"type":"Account"},"id":"\#($0)","Rating":"Hot","Sic":"1"}"# }
        for rating in ["Warm", "Hot"] {
            let body = records.joined(separator: ",").replacing("Hot", with: rating)
            _ = test.call(
                "PATCH", "/services/data/v66.0/composite/sobjects", token: subscriber.token,
                body: #"{"records":[\#(body)]}"#)
        }
        let headers = subscriber.connect(&test).compactMap { $0["data"]?["payload"]?["ChangeEventHeader"] }
        let last = try #require(headers.last)
        #expect(last["recordIds"]?.elements.compactMap(\.text) == ids)
        #expect(headers.first?["transactionKey"] != last["transactionKey"])
    }

    @Test func `events are replayed after an id, and all retained ones`() throws {
        var test = TestWorld.streaming()
        var first = try Subscriber.ready(&test)
        for number in 1...5 { _ = try create(&test, "N\(number)") }
        let ids = first.connect(&test).compactMap { $0["data"]?["event"]?["replayId"]?.number }
        #expect(ids.count == 5)
        var second = try Subscriber.ready(&test, replay: ids[1])
        #expect(
            second.connect(&test).compactMap { $0["data"]?["event"]?["replayId"]?.number } == Array(ids[2...])
        )
        var third = try Subscriber.ready(&test, "/data/AccountChangeEvent", replay: -2)
        #expect(third.connect(&test).count == 6)
        test.now += 73 * 3_600_000
        let late = third.subscribe(&test, "/data/AccountChangeEvent", replay: ids[4])
        #expect(late["error"] == "403::Unknown client")
        var fourth = Subscriber(token: try test.token())
        _ = fourth.handshake(&test)
        let refused = fourth.subscribe(&test, "/data/ChangeEvents", replay: ids[4])
        #expect(
            refused["error"]?.text
                == "400::The replayId {\(ids[4])} you provided was invalid.  Please provide a valid ID, -2 to replay "
                + "all events, or -1 to replay only new events.")
    }

    @Test func `errors have the texts of an org`() throws {
        var test = TestWorld.streaming { $0.streamingClients = 1 }
        var nobody = Subscriber(token: "wrong")
        let denied = nobody.handshake(&test)
        #expect(denied["error"] == "403::Handshake denied")
        #expect(denied["ext"]?["sfdc"]?["failureReason"] == "401::Authentication invalid")
        var limited = Subscriber(token: try test.token("limited@org1.example"))
        _ = limited.handshake(&test)
        #expect(
            limited.subscribe(&test, "/data/ChangeEvents")["error"]
                == "403::User not allowed to subscribe CDC without View All Data permissions")
        #expect(
            limited.subscribe(&test, "/data/NopeChangeEvent")["error"]
                == "400::The channel you requested to subscribe to doesn't exist {/data/NopeChangeEvent}")
        var second = Subscriber(token: try test.token())
        #expect(
            second.handshake(&test)["ext"]?["sfdc"]?["failureReason"]
                == "403::Organization concurrent user limit exceeded")
        test.now += 41_000
        let dead = limited.connect(&test).first
        #expect(dead?["error"] == "403::Unknown client")
        #expect(dead?["advice"]?["reconnect"] == "handshake")
        #expect(second.handshake(&test)["successful"] == true)
        second.cookie = "other"
        #expect(second.connect(&test).first?["error"]?.text?.hasPrefix("400::Client") == true)
        #expect(test.call("POST", "/cometd/36.0", token: second.token, body: "[]").status == 400)
    }

    @Test func `a server that is too busy says so in the extension`() throws {
        var test = TestWorld.streaming()
        var subscriber = try Subscriber.ready(&test)
        _ = test.call("POST", "/simulator/faults", body: #"{"kind":"stream_busy","count":1}"#)
        let answer = subscriber.connect(&test).first
        #expect(answer?["error"] == "401::Authentication invalid")
        #expect(
            answer?["ext"]?["sfdc"]?["failureReason"]?.text?.hasPrefix("503::Server is too busy.") == true)
        _ = subscriber.connect(&test)
        #expect(subscriber.wait != nil)
    }

    @Test func `a session whose token ended must authenticate again`() throws {
        var test = TestWorld.streaming()
        var subscriber = try Subscriber.ready(&test)
        let expire = #"{"kind":"settings","settings":{"expireTokens":true}}"#
        _ = test.call("POST", "/simulator/orgs/1/changes", body: expire)
        let answer = subscriber.connect(&test).first
        #expect(answer?["error"] == "401::Authentication invalid")
        #expect(answer?["advice"]?["reconnect"] == "none")
    }

    @Test func `delivered events count against the allowance of the org`() throws {
        var test = TestWorld.streaming { $0.dailyDeliveredEvents = 3 }
        var subscriber = try Subscriber.ready(&test)
        for number in 1...3 { _ = try create(&test, "N\(number)") }
        #expect(subscriber.connect(&test).count == 4)
        let limits = test.get("/services/data/v66.0/limits", token: subscriber.token).document
        #expect(limits["DailyDeliveredPlatformEvents"] == ["Max": 3, "Remaining": 0])
        let answer = subscriber.connect(&test).first
        #expect(answer?["error"] == "403::Organization total events daily limit exceeded")
        test.now += 25 * 3_600_000
        #expect(
            test.get("/services/data/v66.0/limits", token: subscriber.token)
                .document["DailyDeliveredPlatformEvents"]?["Remaining"] == 3)
    }

    @Test func `delayed events keep their order`() throws {
        var test = TestWorld.streaming { $0.eventDelayMilliseconds = 3000 }
        var subscriber = try Subscriber.ready(&test)
        for number in 1...20 {
            _ = try create(&test, "N\(number)")
            test.now += 10
        }
        func names(_ messages: [JSONValue]) -> [String] {
            messages.compactMap { $0["data"]?["payload"]?["Name"]?.text }
        }
        var found: [String] = []
        for _ in 0..<40 where found.count < 20 {
            found += names(subscriber.connect(&test))
            var wait = subscriber.wait
            while let current = wait {
                test.now = max(test.now, current.until)
                let reply = test.world.resume(current, now: test.now)
                if case .wait(let next) = reply.body { wait = next } else { wait = nil }
                found += names(reply.document.elements)
            }
        }
        #expect(found == (1...20).map { "N\($0)" })
    }

    @Test func `a large text is sent as a difference with the hash of the new text`() throws {
        var test = TestWorld.streaming()
        let lines = (1...40).map { "line \($0) of a long text that repeats" }
        let id = try create(&test, "Acme")
        let path = "/services/data/v66.0/sobjects/Account/\(id)"
        let old = lines.joined(separator: #"\n"#)
        _ = test.call("PATCH", path, token: try test.token(), body: #"{"Description":"\#(old)"}"#)
        var subscriber = try Subscriber.ready(&test)
        let new = old.replacing("line 20 ", with: "line XX ")
        _ = test.call("PATCH", path, token: try test.token(), body: #"{"Description":"\#(new)"}"#)
        let diff = subscriber.connect(&test).first?["data"]?["payload"]?["Description"]?["diff"]?.text
        let parts = try #require(diff).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(parts[0] == "--- ")
        #expect(parts[1].hasPrefix("+++ "))
        #expect(parts[1].count == 68)
        #expect(parts[2] == "@@ -20,1 +20,1 @@")
        #expect(parts[3] == "-line 20 of a long text that repeats")
        #expect(parts[4] == "+line XX of a long text that repeats")
    }

    @Test func `a PushTopic notifies of the records of its query`() throws {
        var test = TestWorld.streaming()
        let token = try test.token()
        let body =
            #"{"Name":"Hot","Query":"SELECT Id, Name FROM Account WHERE Rating = 'Hot'","ApiVersion":60.0}"#
        let reply = test.call("POST", "/services/data/v66.0/sobjects/PushTopic", token: token, body: body)
        #expect(reply.status == 201, "\(reply.text)")
        var subscriber = try Subscriber.ready(&test, "/topic/Hot")
        _ = try create(&test, "cold")
        let hot = #"{"kind":"create","records":[{"Name":"hot","Rating":"Hot"}]}"#
        _ = test.call("POST", "/simulator/orgs/1/changes", body: hot)
        let messages = subscriber.connect(&test)
        #expect(messages.count == 2)
        #expect(messages[0]["data"]?["event"]?["type"] == "created")
        #expect(messages[0]["data"]?["sobject"]?["Name"] == "hot")
    }
}

extension TestWorld {
    /// A world whose users may hold many tokens.
    static func streaming(_ change: (inout SimulatorConfiguration) -> Void = { _ in }) -> TestWorld {
        TestWorld {
            $0.assumptions.accessTokensPerUser = 1000
            change(&$0)
        }
    }
}

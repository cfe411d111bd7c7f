import Testing

@testable import OutboundMessages

struct OutboundMessageTests {
    static func message(
        _ organization: String = "00D90000000gNcmEAE", notifications: Int = 1, session: String = ""
    ) -> String {
        let all = (0..<notifications).map { number in
            let id = "04l9000001ol\(100 + number)".padding(to: 15)
            return """
                <Notification><Id>\(id)</Id><sObject xsi:type="sf:Account" \
                xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>0019000001KwyWtAAJ</sf:Id>\
                <sf:Name>A &amp; B &lt;\(number)&gt;</sf:Name><sf:Site xsi:nil="true"/></sObject>\
                </Notification>
                """
        }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" \
            xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
            xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
             <soapenv:Body>
              <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
               <OrganizationId>\(organization)</OrganizationId>
               <ActionId>04k90000000PGrlAAG</ActionId>
               <SessionId>\(session)</SessionId>
               \(all.joined())
              </notifications>
             </soapenv:Body>
            </soapenv:Envelope>
            """
    }

    private func parse(_ text: String) throws -> OutboundMessage {
        try OutboundMessage(parsing: Array(text.utf8))
    }

    @Test func `the documented message is read, without its session id`() throws {
        let message = try parse(Self.message(notifications: 2, session: "00D!secret"))
        #expect(message.organization == "00D90000000gNcmEAE")
        #expect(message.action == "04k90000000PGrlAAG")
        #expect(message.notifications.count == 2)
        #expect(message.notifications[0].object == "Account")
        #expect(message.notifications[0].sfid == "0019000001KwyWtAAJ")
        #expect(message.notifications[0].fields == #"{"Name":"A & B <0>","Site":null}"#)
        #expect(message.notifications[0].id != message.notifications[1].id)
        #expect(!"\(message)".contains("secret"))
    }

    @Test func `up to 100 notifications are taken`() throws {
        #expect(try parse(Self.message(notifications: 100)).notifications.count == 100)
        #expect(throws: OutboundMessage.Refusal.tooMany) { try parse(Self.message(notifications: 101)) }
        #expect(throws: OutboundMessage.Refusal.malformed) { try parse(Self.message(notifications: 0)) }
    }

    @Test func `other documents, bad ids and names are refused`() {
        let good = Self.message()
        let wrong = [
            "<a/>", "", "{}", good.replacing("soap.sforce.com/2005/09", with: "example.com"),
            good.replacing("00D90000000gNcmEAE", with: "0019000001KwyWtAAJ"),
            good.replacing("04l9000001ol100", with: "../../../x"),
            good.replacing("sf:Account", with: "sf:a;drop table"), good.replacing("sObject", with: "other"),
            good.replacing("</soapenv:Envelope>", with: ""),
        ]
        for text in wrong {
            #expect(throws: OutboundMessage.Refusal.malformed, "\(text.prefix(60))") { try parse(text) }
        }
        let bomb = #"<!DOCTYPE x [<!ENTITY a "b">]>"# + good.split(separator: "\n").dropFirst().joined()
        #expect(throws: OutboundMessage.Refusal.documentType) { try parse(bomb) }
    }

    @Test func `the acknowledgement says whether the message is stored`() {
        #expect(OutboundMessage.answer(isAccepted: true).contains("<Ack>true</Ack>"))
        #expect(OutboundMessage.answer(isAccepted: false).contains("<Ack>false</Ack>"))
    }
}

extension String {
    /// The text with zeros in front of its last characters, so that it has `count` characters.
    fileprivate func padding(to count: Int) -> String {
        let missing = count - utf8.count
        return missing > 0 ? prefix(3) + String(repeating: "0", count: missing) + dropFirst(3) : self
    }
}

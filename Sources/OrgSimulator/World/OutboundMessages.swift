import Encoding

/// Outbound messages of orgs.
extension World {
    /// `POST /simulator/orgs/<org>/outbound`: sends notifications about records to a URL until they are
    /// acknowledged. Members: `url`, `object` (default Account), `ids`, `fields` (texts only). `GET` shows
    /// the counts.
    mutating func controlOutbound(_ call: IncomingCall, _ place: Int) -> Reply {
        let number = place + 1
        guard call.method == "POST" else {
            return .json([
                "waiting": .number(outbound.waiting.count { $0.org == number }),
                "acknowledged": .number(outbound.acknowledged[number] ?? 0),
                "messages": .number(outbound.messages[number] ?? 0),
            ])
        }
        guard let body = try? JSONValue(parsing: call.body), let url = body["url"]?.string else {
            return .json(["error": "no url"], status: 400)
        }
        let object = body["object"]?.string ?? "Account"
        let fields = body["fields"]?.array?.compactMap(\.string) ?? ["Name"]
        guard orgs[place].table(object) != nil else { return .json(["error": "no such object"], status: 404) }
        for text in body["ids"]?.array?.compactMap(\.string) ?? [] {
            guard let record = OrgRecordID(text) else { continue }
            outbound.waiting.append(
                QueuedNotification(
                    id: newID("04l", org: number), org: number, url: url, object: object, record: record,
                    fields: fields, dueAt: call.now))
        }
        return .noContent
    }

    /// The body of a message. Documented: records are sent as they are now.
    func outboundBody(_ notifications: [QueuedNotification]) -> String {
        guard let first = notifications.first else { return "" }
        let org = orgs[first.org - 1]
        let parts = notifications.map { each -> String in
            var fields = "<sf:Id>\(each.record.text18)</sf:Id>"
            if let table = org.table(each.object), let row = table.row(each.record) {
                for name in each.fields {
                    guard let place = table.schema.place(of: name),
                        case .text(let value) = table.value(row, place)
                    else { continue }
                    let field = table.schema.fields[place].name
                    fields += "<sf:\(field)>\(HTMLText.escaped(value))</sf:\(field)>"
                }
            }
            return """
                <Notification><Id>\(each.id.text18)</Id><sObject xsi:type="sf:\(each.object)" \
                xmlns:sf="urn:sobject.enterprise.soap.sforce.com">\(fields)</sObject></Notification>
                """
        }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" \
            xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
            xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
             <soapenv:Body>
              <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
               <OrganizationId>\(org.id.text18)</OrganizationId>
               <ActionId>04k000000000001AAA</ActionId>
               <SessionId xsi:nil="true"/>
               <EnterpriseUrl>https://\(org.domain).example/services/Soap/c/60.0</EnterpriseUrl>
               <PartnerUrl>https://\(org.domain).example/services/Soap/u/60.0</PartnerUrl>
               \(parts.joined(separator: "\n"))
              </notifications>
             </soapenv:Body>
            </soapenv:Envelope>
            """
    }
}

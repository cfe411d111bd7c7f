internal import Encoding
internal import Salesforce
internal import XML

/// A SOAP message of an org with up to 100 notifications about records.
///
/// Source: SOAP API Developer Guide, "Understanding Outbound Messaging".
package struct OutboundMessage: Sendable, Equatable {
    /// A record as it was when the notification was sent.
    package struct Notification: Sendable, Equatable {
        /// The same when the notification is sent again.
        package var id: String
        package var object: String
        package var sfid: String?
        /// A JSON object from field to text; nil fields are null.
        package var fields: String
    }

    /// Why a message is not accepted.
    package enum Refusal: String, Error, Sendable {
        case malformed = "the body is not an outbound message"
        case documentType = "the body has a document type"
        case tooLarge = "the body is too large"
        case tooMany = "the message has more than 100 notifications"
        case otherOrganization = "the message is from another organization"
    }

    /// Documented.
    static let notifications = 100

    package var organization: String
    package var action: String?
    package var notifications: [Notification]

    /// Reads the body of a request. The session id, if there is one, is not kept.
    package init(parsing body: [UInt8]) throws(Refusal) {
        let root: MarkupElement
        do throws(MarkupError) {
            root = try MarkupElement(parsing: body)
        } catch {
            switch error {
            case .malformed: throw .malformed
            case .documentType: throw .documentType
            case .tooLarge: throw .tooLarge
            }
        }
        guard root.name == "Envelope", root.namespace == "http://schemas.xmlsoap.org/soap/envelope/",
            let message = root.child("Body")?.child("notifications"),
            message.namespace == "http://soap.sforce.com/2005/09/outbound",
            let organization = (message.child("OrganizationId")?.value).flatMap(Self.organization)
        else { throw .malformed }
        self.organization = organization
        action = (message.child("ActionId")?.value).flatMap(Self.id)
        let elements = message.children.filter { $0.name == "Notification" }
        guard !elements.isEmpty else { throw .malformed }
        guard elements.count <= Self.notifications else { throw .tooMany }
        notifications = []
        for element in elements { notifications.append(try Self.notification(element)) }
    }

    private static func notification(_ element: MarkupElement) throws(Refusal) -> Notification {
        guard let id = (element.child("Id")?.value).flatMap(Self.id),
            let record = element.child("sObject")
        else { throw .malformed }
        // `sf:Account`
        let type = record.attributes["type"] ?? ""
        let object = String(type.split(separator: ":").last ?? "")
        guard SOQL.isName(object) else { throw .malformed }
        var fields: [(String, JSONText)] = []
        for field in record.children where field.name != "Id" {
            guard SOQL.isName(field.name) else { throw .malformed }
            let isNull = field.attributes["nil"] == "true" || field.attributes["nil"] == "1"
            fields.append((field.name, isNull ? .null : .string(field.text.filter { $0 != "\0" })))
        }
        return Notification(
            id: id, object: object, sfid: (record.child("Id")?.value).flatMap(Self.id),
            fields: JSONText.object(fields).text)
    }

    private static func id(_ text: String) -> String? { (try? SalesforceID(text))?.text }

    private static func organization(_ text: String) -> String? { (try? OrganizationID(text))?.text }

    /// The answer's body.
    package static func answer(isAccepted: Bool) -> String {
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>\
        <notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>\(isAccepted)</Ack>\
        </notificationsResponse></soapenv:Body></soapenv:Envelope>
        """
    }
}

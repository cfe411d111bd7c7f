import Cryptography
import Encoding

/// The signed request that an org posts to a Canvas app. Documented: Canvas Developer Guide, "Signed Request
/// Authentication" and "Context".
struct CanvasEnvelope {
    let org: Org
    let user: OrgUser
    let token: String
    /// The beginning of the simulator's URLs.
    let origin: String
    let canvasURL: String
    /// Milliseconds since 1970. Nil, as in the documentation's example: the request has no time.
    let issuedAt: Int?

    private var client: JSONText {
        [
            "instanceId": .string("_:Multiconnect:\(org.number)"), "instanceUrl": .string(origin),
            "oauthToken": .string(token), "targetOrigin": .string(origin), "refreshToken": nil,
        ]
    }

    private var context: JSONText {
        [
            "application": [
                "applicationId": "06A000000000001", "authType": "SIGNED_REQUEST",
                "canvasUrl": .string(canvasURL), "developerName": "Multiconnect", "name": "Multiconnect",
                "namespace": "", "options": [], "referenceId": "09H000000000001",
                "samlInitiationMethod": "None", "version": "1.0",
            ],
            "user": [
                "userId": .string(user.id.text18), "userName": .string(user.username),
                "email": .string(user.username), "fullName": .string(user.name), "language": "en_US",
                "locale": "en_US", "timeZone": "Europe/Berlin", "userType": "STANDARD",
            ],
            "environment": [
                "parameters": [:], "dimensions": ["width": "100%", "height": "900px"],
                "displayLocation": "Visualforce", "locationUrl": .string("\(origin)/apex/MulticonnectStatus"),
                "uiTheme": "Theme4d", "version": ["api": "66.0", "season": "SPRING"],
            ],
            "organization": [
                "organizationId": .string(org.id.text18), "name": .string(org.name), "namespacePrefix": nil,
                "multicurrencyEnabled": false, "currencyIsoCode": "EUR",
            ],
            "links": [
                "restUrl": "/services/data/v66.0/", "sobjectUrl": "/services/data/v66.0/sobjects/",
                "userUrl": .string("/\(user.id.text18)"), "loginUrl": .string(origin),
            ],
        ]
    }

    /// The two parts with a dot between them.
    func signedRequest(secret: String) -> String {
        let document: JSONText = [
            "algorithm": "HMACSHA256", "issuedAt": .optional(issuedAt), "userId": .string(user.id.text18),
            "client": client, "context": context,
        ]
        let envelope = Base64.encode(document.encoded)
        let code = HMAC.sha256(key: Array(secret.utf8), message: Array(envelope.utf8))
        return Base64.encode(code) + "." + envelope
    }

    /// A page of Salesforce with the app in a frame.
    static func page(signedRequest: String, canvasURL: String, org: String) -> String {
        let action = HTMLText.escaped(canvasURL)
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>Canvas (org simulator)</title></head>
            <body><h1>\(HTMLText.escaped(org))</h1>
            <p>This is an org simulator, not Salesforce. The frame below shows the Canvas app.</p>
            <form id="canvas" method="post" action="\(action)" target="app">
            <input type="hidden" name="signed_request" value="\(HTMLText.escaped(signedRequest))">
            <button>Show again</button></form>
            <iframe name="app" title="Canvas app" width="100%" height="1400"></iframe>
            <script>document.getElementById("canvas").submit()</script>
            </body></html>
            """
    }

    /// A page of Salesforce with the app in a frame, for a user who has not approved it.
    static func unapprovedPage(canvasURL: String, origin: String, org: String) -> String {
        let query = PercentCoding.form([
            ("_sfdc_canvas_authvalue", "user_approval_required"), ("loginUrl", origin),
        ])
        let address = HTMLText.escaped("\(canvasURL)?\(query)")
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>Canvas (org simulator)</title></head>
            <body><h1>\(HTMLText.escaped(org))</h1>
            <iframe name="app" title="Canvas app" width="100%" height="900" src="\(address)"></iframe>
            </body></html>
            """
    }
}

import Encoding
import HTTPWire

/// The login and consent page: a form that a test or a person submits.
struct AuthorizePage {
    let request: AuthorizationRequest
    let users: [(org: Org, user: OrgUser)]

    var html: String {
        let hidden = AuthorizationRequest.names.compactMap { name in
            request.fields[name].map {
                #"<input type="hidden" name="\#(name)" value="\#(HTMLText.escaped($0))">"#
            }
        }
        let options = users.map { org, user in
            let mark = user.username == request.loginHint ? " selected" : ""
            let rights = user.rights.map(\.rawValue).sorted().joined(separator: ", ")
            let name = HTMLText.escaped(user.username)
            let text = "\(name) (\(HTMLText.escaped(org.name)): \(rights))"
            return #"<option value="\#(name)"\#(mark)>\#(text)</option>"#
        }
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>Allow Access? (org simulator)</title></head>
            <body><h1>Allow Access?</h1>
            <p>This is an org simulator, not Salesforce. Scopes: \
            \(HTMLText.escaped(request.scopes.joined(separator: " ")))</p>
            <form method="post" action="/services/oauth2/authorize">
            \(hidden.joined(separator: "\n"))
            <label>Log in as <select name="username">
            \(options.joined(separator: "\n"))
            </select></label>
            <button name="decision" value="allow">Allow</button>
            <button name="decision" value="deny">Deny</button>
            </form></body></html>
            """
    }
}

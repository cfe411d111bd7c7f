import Cryptography
import Encoding
import FoundationEssentials
import HTTPServer
import HTTPWire

/// `/services/oauth2/...` and the identity URL.
extension World {
    mutating func oauth(_ call: IncomingCall, _ endpoint: String) -> Reply {
        switch (endpoint, call.method) {
        case ("authorize", "GET"): return authorize(call, call.query)
        case ("authorize", "POST"): return authorize(call, call.form)
        case ("token", "POST"): return token(call)
        case ("revoke", "POST"): return revoke(call.form["token"] ?? call.query["token"])
        case ("revoke", "GET"): return revoke(call.query["token"])
        case ("userinfo", "GET"), ("userinfo", "POST"):
            guard let session = session(call) else { return .text("Bad_OAuth_Token", status: 403) }
            count(.userinfo, org: session.org)
            return .json(document(session, call, version: call.query["version"]).userInfo)
        default: return APIError.notFound.reply
        }
    }

    /// The login and consent page. `POST` with `username` and `decision=allow` is consent.
    ///
    /// For tests, `simulator_user=<name>` or the header `X-Simulator-User` logs in and allows at once.
    private mutating func authorize(_ call: IncomingCall, _ fields: Form) -> Reply {
        let request = AuthorizationRequest(fields: fields)
        switch request.problem(configuration) {
        case .page(let error):
            let text = HTMLText.escaped("error=\(error.code)&error_description=\(error.reason)")
            return .html("<!doctype html><title>Error</title><p>\(text)</p>", status: 400)
        case .callback(let error): return request.callback(error)
        case nil: break
        }
        let people = orgs.filter { accepts($0, host: call.host) }.flatMap { org in org.users.map { (org, $0) }
        }
        let chosen = fields["simulator_user"] ?? call.headers["x-simulator-user"] ?? fields["username"]
        guard let chosen else {
            return .html(AuthorizePage(request: request, users: people).html)
        }
        guard let (org, user) = people.first(where: { $0.1.username == chosen }) else {
            return .html(AuthorizePage(request: request, users: people).html, status: 400)
        }
        if fields["decision"] == "deny" {
            // Assumed: real servers send the form with the underscore.
            return request.callback(OAuthError("access_denied", "end-user denied authorization"))
        }
        count(.authorize, org: org.number)
        let code = ledger.issueCode { _ in
            OAuthLedger.Code(
                subject: .init(org: org.number, user: user.id), redirectURI: request.redirectURI,
                challenge: request.challenge, scopes: request.scopes, issued: call.now)
        }
        return request.callback([("code", code)])
    }

    /// Only an org's own users can log in on its My Domain host. On any other host all users can.
    private func accepts(_ org: Org, host: String) -> Bool {
        let label = host.prefix { $0 != "." && $0 != ":" }.lowercased()
        return orgs.contains { $0.domain == label } ? org.domain == label : true
    }

    private mutating func token(_ call: IncomingCall) -> Reply {
        let form = call.form
        do throws(OAuthError) {
            try checkClient(call, form)
            let grant = try grant(call, form)
            let isSigned =
                form["grant_type"] != "refresh_token" || configuration.assumptions.refreshesAreSigned
            return .json(document(grant, call, isSigned: isSigned)).adding("Cache-Control", "no-store")
                .adding("Pragma", "no-cache")
        } catch {
            return error.reply
        }
    }

    /// Client id and secret, from the form or as HTTP Basic. Documented.
    private func checkClient(_ call: IncomingCall, _ form: Form) throws(OAuthError) {
        var client = form["client_id"]
        var secret = form["client_secret"]
        if let header = call.headers["authorization"], header.lowercased().hasPrefix("basic "),
            let data = Base64.decode(String(header.dropFirst(6)))
        {
            let parts = String(decoding: data, as: UTF8.self).split(separator: ":", maxSplits: 1)
            client = parts.first.map(String.init)
            secret = parts.count > 1 ? String(parts[1]) : nil
        }
        guard client == configuration.clientID else { throw .invalidClientID }
        guard secret == configuration.clientSecret else {
            throw OAuthError(
                "invalid_client", "invalid client credentials",
                status: configuration.assumptions.wrongSecretIsUnauthorized ? 401 : 400)
        }
    }

    private mutating func grant(_ call: IncomingCall, _ form: Form) throws(OAuthError) -> OAuthLedger.Grant {
        let grant: OAuthLedger.Grant
        switch form["grant_type"] {
        case "authorization_code":
            let text = form["code"] ?? ""
            let org = ledger.codes[text]?.subject.org ?? 1
            grant = try ledger.redeem(
                code: text, redirectURI: form["redirect_uri"], verifier: form["code_verifier"], now: call.now,
                seconds: configuration.codeSeconds, issuer: issuer(org: org), digest: Self.challenge)
            count(.token, org: grant.subject.org)
        case "refresh_token":
            let issuers = orgs.map { issuer(org: $0.number) }
            grant = try ledger.refresh(
                form["refresh_token"] ?? "", rotates: configuration.rotatesRefreshTokens,
                reuseEndsSuccessor: configuration.assumptions.reuseEndsSuccessor, now: call.now,
                issuer: { issuers[$0.org - 1] })
            count(.refresh, org: grant.subject.org)
        case "password":
            let people = orgs.compactMap { org in org.user(named: form["username"] ?? "").map { (org, $0) } }
            // A security token may follow the password. Documented.
            guard let (org, user) = people.first,
                (form["password"] ?? "").hasPrefix(configuration.password)
            else { throw .authenticationFailure }
            grant = ledger.issue(
                .init(org: org.number, user: user.id), scopes: ["api", "id"], now: call.now,
                issuer: issuer(org: org.number))
            count(.token, org: org.number)
        default: throw .unsupportedGrant
        }
        return grant
    }

    private func issuer(org: Int) -> OAuthLedger.Issuer {
        .init(
            org: orgs[org - 1].id.text15, accessTokensPerUser: configuration.assumptions.accessTokensPerUser)
    }

    /// The challenge of a PKCE verifier (RFC 7636, S256).
    private static func challenge(_ verifier: String) -> String {
        Base64.encode(Digest.sha256(Array(verifier.utf8)), .url)
    }

    /// The token response. Keys recorded; there is no `expires_in`.
    private func document(_ grant: OAuthLedger.Grant, _ call: IncomingCall, isSigned: Bool) -> JSONText {
        let org = orgs[grant.subject.org - 1]
        let id = "\(origin(call))/id/\(org.id.text18)/\(grant.subject.user.text18)"
        let issued = "\(grant.issued)"
        let signature = HMAC.sha256(
            key: Array(configuration.clientSecret.utf8), message: Array((id + issued).utf8))
        var members: [(String, JSONText)] = [("access_token", .string(grant.accessToken))]
        if let refresh = grant.refreshToken {
            members.append(("refresh_token", .string(refresh)))
        }
        if isSigned {
            members += [
                ("signature", .string(Base64.encode(signature))),
                ("issued_at", .string(issued)),
            ]
        }
        members += [
            ("scope", .string(grant.scopes.joined(separator: " "))),
            ("instance_url", .string(origin(call))), ("id", .string(id)),
            ("token_type", "Bearer"),
        ]
        return .object(members)
    }

    private mutating func revoke(_ token: String?) -> Reply {
        do throws(OAuthError) {
            let text = token ?? ""
            let subject = ledger.refreshTokens[text]?.subject ?? ledger.accessTokens[text]?.subject
            try ledger.revoke(text, keepsRefresh: configuration.assumptions.revokedAccessKeepsRefresh)
            if let subject { count(.revoke, org: subject.org) }
            return Reply(status: 200)
        } catch {
            return error.reply
        }
    }

    /// `GET /id/<org>/<user>`. Errors are plain text with status 403: one is recorded, the rest assumed.
    mutating func identity(_ call: IncomingCall, _ segments: [String]) -> Reply {
        let token = bearerToken(call) ?? call.query["oauth_token"] ?? call.query["access_token"]
        guard let token else { return .text("Missing_OAuth_Token", status: 403) }
        guard let session = session(token: token, now: call.now) else {
            return .text("Bad_OAuth_Token", status: 403)
        }
        guard segments.count == 3, let org = OrgRecordID(segments[1]), let user = OrgRecordID(segments[2])
        else {
            return .text("Bad_Id", status: 403)
        }
        guard org == orgs[session.org - 1].id else { return .text("Wrong_Org", status: 403) }
        guard user == session.user.id else { return .text("Bad_Id", status: 403) }
        count(.identity, org: session.org)
        let asked = call.query["version"]
        return .json(
            document(session, call, version: asked == "latest" ? "\(APIVersions.latest).0" : asked).identity)
    }

    private func document(_ session: Session, _ call: IncomingCall, version: String?) -> IdentityDocument {
        IdentityDocument(
            org: orgs[session.org - 1], user: session.user, origin: origin(call), version: version)
    }
}

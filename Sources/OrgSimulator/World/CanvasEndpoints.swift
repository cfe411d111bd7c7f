import Encoding
import HTTPWire

/// Canvas pages of the simulated orgs.
extension World {
    /// `GET /simulator/orgs/<org>/canvas?url=<the app's Canvas URL>`: a page with the app in a frame.
    /// `GET /simulator/orgs/<org>/signed-request?url=`: the signed request alone, as text.
    ///
    /// Further parameters: `user=<name>`; `issued=no`: the request has no time; `approved=no`: the user has
    /// not approved the app.
    mutating func canvas(_ call: IncomingCall, _ place: Int, asPage isPage: Bool) -> Reply {
        let org = orgs[place]
        guard let url = call.query["url"], url.contains("://"),
            let user = call.query["user"].map(org.user(named:)) ?? org.users.first
        else {
            return .json(["error": "url is missing, or there is no such user"], status: 400)
        }
        if call.query["approved"] == "no" {
            return .html(
                CanvasEnvelope.unapprovedPage(canvasURL: url, origin: origin(call), org: org.name))
        }
        let grant = ledger.issue(
            .init(org: org.number, user: user.id), scopes: ["api", "id"], now: call.now,
            issuer: .init(
                org: org.id.text15, accessTokensPerUser: configuration.assumptions.accessTokensPerUser))
        let request = CanvasEnvelope(
            org: org, user: user, token: grant.accessToken, origin: origin(call), canvasURL: url,
            issuedAt: call.query["issued"] == "no" ? nil : call.now
        ).signedRequest(secret: configuration.clientSecret)
        return isPage
            ? .html(CanvasEnvelope.page(signedRequest: request, canvasURL: url, org: org.name))
            : .text(request, status: 200)
    }
}

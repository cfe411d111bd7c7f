import Organizations
import Salesforce

/// Where an admin chooses how to log in. The mail's link names the org; without it the choice is the same,
/// and Salesforce says which org it was.
struct AuthenticatePage: Sendable {
    /// The org of the link, if there is one.
    var organization: OrganizationID?
    /// The choice to suggest.
    var environment: OrgEnvironment?
    /// A My Domain that a link names and nobody vouches for: shown, never filled in.
    var unconfirmedHost: String?
    /// What was wrong with the last choice.
    var complaint: String?

    /// The name of the field for a My Domain, which comes with no other choice.
    static let domainParameter = "domain"
    /// The name of the choice.
    static let environmentParameter = ConsentLink.environmentParameter

    /// Takes over what a link names.
    mutating func name(_ environment: OrgEnvironment, isConfirmed: Bool) {
        if !isConfirmed, case .myDomain(let host) = environment {
            unconfirmedHost = host
        } else {
            self.environment = environment
        }
    }

    var content: HTML {
        let complaint: HTML = complaint.map { "<p role=\"alert\"><strong>\($0)</strong></p>" } ?? ""
        let organization: HTML =
            organization.map { "<p>This is for the org <code>\($0.description)</code>.</p>" } ?? ""
        return """
            \(complaint)
            <p>To copy your Salesforce records into our database we need your consent. Log in as a user of
            your org who may see all data; Salesforce will ask you whether you allow it.</p>
            \(organization)
            \(unconfirmed)
            <div class="choices">
            \(choice("production", "Production", "Log in at login.salesforce.com", .production))
            \(choice("sandbox", "Sandbox", "Log in at test.salesforce.com", .sandbox))
            \(domainForm)
            </div>
            """
    }

    private var unconfirmed: HTML {
        guard let host = unconfirmedHost else { return "" }
        return """
            <p>The link names the login address <code>\(host)</code>. We cannot tell whether it belongs
            to your org: if it does, type it below.</p>
            """
    }

    private func choice(_ value: String, _ title: String, _ text: String, _ environment: OrgEnvironment)
        -> HTML
    {
        let style = self.environment == environment ? "choice preferred" : "choice"
        let query = organization.map { "&\(ConsentLink.organizationParameter)=\($0.description)" } ?? ""
        return """
            <a class="\(style)" rel="nofollow"
            href="/auth/salesforce?\(Self.environmentParameter)=\(value)\(query)">
            <strong>\(title)</strong>\(text)</a>
            """
    }

    private var domainForm: HTML {
        let name = ConsentLink.organizationParameter
        let hidden: HTML =
            organization.map { "<input type=\"hidden\" name=\"\(name)\" value=\"\($0.description)\">" } ?? ""
        var host = ""
        if case .myDomain(let known) = environment { host = known }
        let style = host.isEmpty ? "" : "preferred"
        return """
            <form class="\(style)" method="get" action="/auth/salesforce">
            \(hidden)
            <label for="domain"><strong>My Domain</strong></label>
            <input id="domain" name="\(Self.domainParameter)" value="\(host)" required maxlength="253"
            autocapitalize="off" spellcheck="false" placeholder="acme.my.salesforce.com">
            <button type="submit">Log in at this domain</button>
            </form>
            """
    }
}

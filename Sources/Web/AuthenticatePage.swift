import Organizations
import Salesforce

/// Where an admin chooses how to log in. The mail's link names the org; without it the choice is the same,
/// and Salesforce says which org it was.
struct AuthenticatePage: Sendable {
    /// The org of the link, if there is one.
    var organization: OrganizationID?
    /// Its way to log in as it was registered, or as the admin chose last.
    var environment: OrgEnvironment?
    /// What was wrong with the last choice.
    var complaint: String?

    /// The name of the field for a My Domain, which comes with no other choice.
    static let domainParameter = "domain"
    /// The name of the choice.
    static let environmentParameter = ConsentLink.environmentParameter

    var content: HTML {
        let complaint: HTML = complaint.map { "<p role=\"alert\"><strong>\($0)</strong></p>" } ?? ""
        let organization: HTML =
            organization.map { "<p>This is for the org <code>\($0.description)</code>.</p>" } ?? ""
        return """
            \(complaint)
            <p>To copy your Salesforce records into our database we need your consent. Log in as a user of
            your org who may see all data; Salesforce will ask you whether you allow it.</p>
            \(organization)
            <div class="choices">
            \(choice("production", "Production", "Log in at login.salesforce.com", .production))
            \(choice("sandbox", "Sandbox", "Log in at test.salesforce.com", .sandbox))
            \(domainForm)
            </div>
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

import Encoding
import Organizations
import Pages
import Salesforce

/// The page on which an admin chooses where to log in. The mail's link names the org. Without it the choice
/// is the same, and Salesforce's answer names the org.
struct AuthenticatePage: Sendable {
    /// The org in the link, if there is one.
    var organization: OrganizationID?
    /// The suggested choice.
    var environment: OrgEnvironment?
    /// A My Domain from the link that is not known to belong to the org. It is shown, but never filled in.
    var unconfirmedHost: String?
    /// The text in the field for a My Domain that was refused.
    var typedDomain: String?
    /// Why the last choice was refused.
    var complaint: String?
    /// Where the browser returns after the consent. It is allowed.
    var next: String?

    /// The name of the field for a My Domain.
    static let domainParameter = "domain"
    /// The name of the parameter for Salesforce's own login pages.
    static let environmentParameter = ConsentLink.environmentParameter

    /// Sets the suggestion to the link's environment, unless it is an unconfirmed My Domain.
    mutating func suggest(_ environment: OrgEnvironment, isConfirmed: Bool) {
        if !isConfirmed, case .myDomain(let host) = environment {
            unconfirmedHost = host
        } else {
            self.environment = environment
        }
    }

    var content: HTML {
        let complaint: HTML = complaint.map { "<p role=\"alert\"><strong>\($0)</strong></p>" } ?? ""
        let organization: HTML =
            organization.map { "<p>You connect the org <code>\($0.description)</code>.</p>" } ?? ""
        return """
            \(complaint)
            <p>We need your consent to copy your Salesforce records into our database. Log in as a user of
            your org with these permissions. Salesforce then asks you to allow access.</p>
            <ul><li><strong>API Enabled</strong>, to read records at all.</li>
            <li><strong>View All Data</strong>, so that no record is missed.</li>
            <li><strong>Modify All Data</strong>, if changes are written back to your org.</li></ul>
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
            <p>The link names the login domain <code>\(host)</code>. We do not know whether it belongs
            to your org. If it does, type it below.</p>
            """
    }

    private func choice(_ value: String, _ title: String, _ text: String, _ environment: OrgEnvironment)
        -> HTML
    {
        let style = self.environment == environment ? "choice preferred" : "choice"
        let org = organization.map { "&\(ConsentLink.organizationParameter)=\($0.description)" } ?? ""
        let next = next.map { "&\(ConsentLink.nextParameter)=\(PercentCoding.encode($0))" } ?? ""
        let query = org + next
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
        let next: HTML =
            next.map { "<input type=\"hidden\" name=\"\(ConsentLink.nextParameter)\" value=\"\($0)\">" } ?? ""
        var host = String((typedDomain ?? "").prefix(253))
        if case .myDomain(let known) = environment { host = known }
        let style = host.isEmpty ? "" : "preferred"
        return """
            <form class="\(style)" method="get" action="/auth/salesforce">
            \(hidden)\(next)
            <label for="domain"><strong>My Domain</strong></label>
            <input id="domain" name="\(Self.domainParameter)" value="\(host)" required maxlength="253"
            autocapitalize="off" spellcheck="false" placeholder="acme.my.salesforce.com">
            <button type="submit">Log in at this domain</button>
            </form>
            """
    }
}

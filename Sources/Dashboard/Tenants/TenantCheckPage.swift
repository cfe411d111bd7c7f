import Organizations
import Pages
import Salesforce
import TenantAdmin

/// The findings of a check of a tenant's org and database, in words.
struct TenantCheckPage: Sendable {
    let organization: Organization
    /// Nil if the org could not be asked.
    let checkup: Checkup?
    /// Why the org could not be asked.
    let complaint: String?

    var title: String { "Check of \(organization.name.text)" }

    var content: HTML {
        let complaint: HTML = complaint.map { "<p class=\"notice bad\" role=\"alert\">\($0)</p>" } ?? ""
        return """
            <div class="row"><h1>\(title)</h1><div class="actions">
            <a class="button" href="\(TenantQuery.path)/\(organization.organizationID.text)">Tenant</a>
            </div></div>\(complaint)\(checkup.map(findings) ?? "")
            """
    }

    private func findings(_ checkup: Checkup) -> HTML {
        let message: HTML =
            checkup.message.map {
                """
                <section class="card"><h2>For the org's admin</h2>
                <p class="dim">Copy this text into a mail to \(organization.adminEmail.text).</p>
                <pre class="copy">\($0)</pre></section>
                """
            } ?? ""
        return """
            <section class="card"><h2>Findings</h2>
            <ul class="effects">\(checkup.findings.filter { $0.object == nil }.map(Self.item))</ul></section>
            \(checkup.mappings.map { mapping(checkup, $0.objectName) })\(message)
            """
    }

    private func mapping(_ checkup: Checkup, _ object: String) -> HTML {
        let found = checkup.findings.filter { $0.object == object }
        return """
            <section class="card"><h2>\(object)</h2>
            <ul class="effects">\(found.map(Self.item))</ul></section>
            """
    }

    private static func item(_ finding: Checkup.Finding) -> HTML {
        let (style, text) =
            switch finding.level {
            case .good: ("done", "good")
            case .advice: ("retry", "advice")
            case .missing: ("dead", "missing")
            case .skipped: ("skipped", "skipped")
            }
        let advice: HTML = finding.advice.map { "<br><span class=\"dim\">\($0)</span>" } ?? ""
        return """
            <li><span class="state \(style)">\(text)</span>
            <span><strong>\(finding.rule.title)</strong><br>\(finding.text)\(advice)</span></li>
            """
    }
}

import Organizations
import Pages
import Salesforce

/// The pages of a tenant's rows.
struct ExplorerPlace: Sendable {
    let organization: Organization

    var tenant: String { "/dashboard/tenants/\(organization.organizationID)" }
    var path: String { "\(tenant)/rows" }

    func table(_ name: String) -> String { "\(path)/\(name)" }

    var link: HTML { "<a class=\"button\" href=\"\(path)\">Tables of \(organization.name.text)</a>" }

    /// Says that views are recorded.
    static let hint: HTML = """
        <p class="dim">Each page that you open here is recorded with your name in the tenant's activity.</p>
        """

    static func badge(_ operation: String?) -> HTML {
        guard let operation else { return "<span class=\"dim\">–</span>" }
        let style =
            switch operation {
            case "FAILED": "dead"
            case "PENDING": "queued"
            default: "done"
            }
        return "<span class=\"state \(style)\">\(operation)</span>"
    }

    /// A value; nil is null.
    static func value(_ text: String?) -> HTML {
        text.map { "\($0)" } ?? "<span class=\"dim\">null</span>"
    }
}

import HTTPWire
import Organizations
import Pages
import Salesforce

/// The pages of a tenant's mappings.
struct MappingPlace: Sendable {
    let organization: Organization

    var tenant: String { "/dashboard/tenants/\(organization.organizationID)" }
    var path: String { "\(tenant)/mappings" }

    /// The link back to the list of mappings.
    var link: HTML { "<a class=\"button\" href=\"\(path)\">Mappings of \(organization.name.text)</a>" }

    /// The editor of an object.
    func editor(_ object: String) -> String {
        let query: Form = [MappingForm.objectField: object]
        return "\(path)/edit?\(query.encoded)"
    }

    static func hidden(_ name: String, _ value: String) -> HTML {
        "<input type=\"hidden\" name=\"\(name)\" value=\"\(value)\">"
    }
}

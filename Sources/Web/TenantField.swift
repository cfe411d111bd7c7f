import HTTPServer
import Salesforce

extension Response {
    /// Names the org that the request was about in the access log's line.
    mutating func log(tenant organization: OrganizationID) {
        logFields.append(("tenant", organization.description))
    }
}

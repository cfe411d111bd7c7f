import HTTPServer
import Salesforce

extension Response {
    /// Adds the org to the request's line in the access log.
    mutating func log(tenant organization: OrganizationID) {
        logFields.append(("tenant", organization.description))
    }
}

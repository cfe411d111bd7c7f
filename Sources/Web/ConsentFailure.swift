import Encoding
import Organizations
import Salesforce

/// A consent that failed, and the path that starts it again.
struct ConsentFailure: Error {
    let cause: any Error
    /// The page on which the admin chooses where to log in, with the org and the return address of the link.
    let again: String

    init(_ cause: any Error, organization: OrganizationID?, next: String?) {
        self.cause = cause
        again = Self.path(organization: organization, next: next)
    }

    static func path(organization: OrganizationID?, next: String? = nil) -> String {
        let fields =
            [
                organization.map { "\(ConsentLink.organizationParameter)=\($0)" },
                next.map { "\(ConsentLink.nextParameter)=\(PercentCoding.encode($0))" },
            ].compactMap(\.self)
        return "/authenticate" + (fields.isEmpty ? "" : "?" + fields.joined(separator: "&"))
    }
}

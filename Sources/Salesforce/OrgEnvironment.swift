/// Where an org's users log in: production, a sandbox, or the org's My Domain.
package enum OrgEnvironment: Hashable, Sendable, CustomStringConvertible {
    case production
    case sandbox
    /// A host such as `acme.my.salesforce.com`, in lower case.
    case myDomain(String)

    /// Reads `production`, `sandbox`, or a My Domain host, which may be written as an address and in
    /// capitals; the host of the Lightning pages is understood as the My Domain that it belongs to. Nil for
    /// anything else.
    package init?(_ text: String) {
        var host = text.split(whereSeparator: \.isWhitespace).joined().lowercased()
        switch host {
        case "production", "login.salesforce.com": self = .production
        case "sandbox", "test.salesforce.com": self = .sandbox
        default:
            if let start = host.firstRange(of: "://") {
                guard host[..<start.lowerBound] == "https" else { return nil }
                host = String(host[start.upperBound...])
            }
            host = String(host.prefix(while: { $0 != "/" && $0 != "?" }))
            if host.hasSuffix(Self.lightning) {
                host = host.dropLast(Self.lightning.count) + ".my.salesforce.com"
            }
            guard let origin = try? Origin(host: host),
                Self.suffixes.contains(where: { origin.host.hasSuffix($0) && origin.host.count > $0.count })
            else { return nil }
            self = .myDomain(origin.host)
        }
    }

    /// `production`, `sandbox`, or the host: what the database keeps.
    package var description: String {
        switch self {
        case .production: "production"
        case .sandbox: "sandbox"
        case .myDomain(let host): host
        }
    }

    private static let lightning = ".lightning.force.com"
    private static let suffixes = [".my.salesforce.com", ".my.salesforce.mil", ".my.sfcrmproducts.cn"]
}

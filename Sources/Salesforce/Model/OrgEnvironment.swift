/// Where an org's users log in: production, a sandbox, or the org's My Domain.
package enum OrgEnvironment: Hashable, Sendable, CustomStringConvertible {
    case production
    case sandbox
    /// The My Domain host in lower case, for example `acme.my.salesforce.com`.
    case myDomain(String)

    /// Reads `production`, `sandbox`, or a host or address of an org, in any case. Hosts that people see in
    /// their browsers (Lightning, Setup, Visualforce) are mapped to their My Domain, and hosts of instances
    /// to production or sandbox. Nil for other text.
    package init?(_ text: String) {
        let word = text.split(whereSeparator: \.isWhitespace).joined().lowercased()
        switch word {
        case "production": self = .production
        case "sandbox": self = .sandbox
        default:
            guard let host = Self.host(of: word) else { return nil }
            if let environment = Self.shared(host) {
                self = environment
            } else {
                guard let domain = Self.myDomain(of: host) else { return nil }
                self = .myDomain(domain)
            }
        }
    }

    /// The host of an https address on port 443; nil for other text.
    private static func host(of word: String) -> String? {
        var rest = word[...]
        if let scheme = rest.firstRange(of: "://") {
            guard rest[..<scheme.lowerBound] == "https" else { return nil }
            rest = rest[scheme.upperBound...]
        }
        rest = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if rest.hasSuffix(":443") { rest = rest.dropLast(4) }
        if rest.hasSuffix(".") { rest = rest.dropLast() }
        return (try? Origin(host: String(rest)))?.host
    }

    /// The environment of a host that many orgs share: a login host, or an instance such as
    /// `cs42.salesforce.com`, whose name shows the kind of its orgs (help, "Instance URLs"). Nil for other
    /// hosts.
    private static func shared(_ host: String) -> OrgEnvironment? {
        switch host {
        case "login.salesforce.com", "welcome.salesforce.com": return .production
        case "test.salesforce.com": return .sandbox
        default: break
        }
        guard let label = instanceSuffixes.lazy.compactMap({ host.removing(suffix: $0) }).first else {
            return nil
        }
        let kind = label.prefix { $0.isLetter }
        let number = label.dropFirst(kind.count).prefix { $0.isNumber }
        // Some end in a letter, for example `usa2s`.
        guard !number.isEmpty, label.count - kind.count - number.count <= 1 else { return nil }
        if kind == "cs" { return .sandbox }
        return productionInstances.contains(String(kind)) ? .production : nil
    }

    /// The My Domain login host of a host; nil if the host is not an org's.
    private static func myDomain(of host: String) -> String? {
        for (suffix, login) in hosts {
            guard var name = host.removing(suffix: suffix) else { continue }
            if suffix.hasPrefix("--") {
                // Visualforce hosts contain the package after the org: `acme--uat--c`.
                guard !name.isEmpty else { return nil }
            } else if name.hasSuffix("."), name.count > 1 {
                name.removeLast()
            } else {
                return nil
            }
            return (try? Origin(host: name + login))?.host
        }
        return nil
    }

    /// `production`, `sandbox`, or the host, as stored in the database.
    package var description: String {
        switch self {
        case .production: "production"
        case .sandbox: "sandbox"
        case .myDomain(let host): host
        }
    }

    /// Suffixes of an org's hosts, and the suffix of their My Domain. Source: Salesforce help, "My Domain URL
    /// Formats", and "Allow the Required Domains" for Government Cloud and for Salesforce on Alibaba Cloud.
    private static let hosts: [(suffix: String, login: String)] = [
        ("my.salesforce.com", ".my.salesforce.com"), ("my.salesforce.mil", ".my.salesforce.mil"),
        ("my.sfcrmproducts.cn", ".my.sfcrmproducts.cn"),
        ("my.salesforce-setup.com", ".my.salesforce.com"), ("my.salesforce-setup.mil", ".my.salesforce.mil"),
        ("setup.sfcrmproducts.cn", ".my.sfcrmproducts.cn"),
        ("lightning.force.com", ".my.salesforce.com"), ("lightning.crmforce.mil", ".my.salesforce.mil"),
        ("lightning.sfcrmapps.cn", ".my.sfcrmproducts.cn"),
        ("--c.sandbox.vf.force.com", ".sandbox.my.salesforce.com"),
        ("--c.develop.vf.force.com", ".develop.my.salesforce.com"),
        ("--c.vf.force.com", ".my.salesforce.com"),
        ("cloudforce.com", ".my.salesforce.com"),
    ]

    private static let instanceSuffixes = [".salesforce.com", ".lightning.force.com"]
    private static let productionInstances: Set<String> = [
        "na", "eu", "ap", "um", "usa", "can", "aus", "ind", "jpn", "gbr", "deu", "fra", "swe", "ita", "bra",
        "kor",
        "sgp", "che", "cn",
    ]
}

extension String {
    /// The text before the suffix; nil without the suffix.
    fileprivate func removing(suffix: String) -> String? {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : nil
    }
}

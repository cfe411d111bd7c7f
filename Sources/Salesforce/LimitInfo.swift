/// How much of its daily API quota the org has used, from the header `Sforce-Limit-Info` of any REST answer.
///
/// The form is `api-usage=18/5000` and, for some apps, `per-app-api-usage=17/250(appName=sample-app)`.
package struct LimitInfo: Equatable, Sendable {
    /// Calls of the last 24 hours, those of other integrations included.
    package let used: Int
    /// The org's quota for 24 hours. Salesforce lets paid orgs exceed it a little.
    package let allowed: Int

    package init(used: Int, allowed: Int) {
        self.used = used
        self.allowed = allowed
    }

    /// Nil if the header has no usable `api-usage`.
    package init?(header: String) {
        for part in header.split(whereSeparator: { $0 == "," || $0 == ";" }) {
            let trimmed = part.drop(while: { $0 == " " })
            guard trimmed.hasPrefix("api-usage=") else { continue }
            let numbers = trimmed.dropFirst("api-usage=".count).split(separator: "/", maxSplits: 1)
            guard numbers.count == 2, let used = Int(numbers[0]),
                let allowed = Int(numbers[1].prefix(while: { $0.isASCII && $0.isNumber })),
                used >= 0, allowed > 0
            else { return nil }
            self.init(used: used, allowed: allowed)
            return
        }
        return nil
    }

    /// The used part of the quota: 0 to about 1.
    package var usedFraction: Double { Double(used) / Double(allowed) }
}

/// The org's use of its daily API quota, from the header `Sforce-Limit-Info` of a REST answer.
///
/// The form is `api-usage=18/5000` and, for some apps, `per-app-api-usage=17/250(appName=sample-app)`.
package struct LimitInfo: Equatable, Sendable {
    /// Calls of the last 24 hours, including other integrations.
    package let used: Int
    /// The org's quota for 24 hours. Paid orgs may exceed it a little.
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
}

/// The client's preferences: Accept and Accept-Encoding (RFC 9110 section 12.5).
package enum Preference {
    /// The offer that the Accept fields prefer. The first offer if there is no preference or no match. At
    /// equal weight the earlier offer wins, then the more specific range.
    ///
    /// - Parameter offers: media types in lower case without parameters, the server's preferred one first.
    package static func mediaType(of offers: [String], for headers: Headers) -> String? {
        let ranges = headers.values("accept").flatMap { $0.split(separator: ",") }.map(weighted)
        guard let first = offers.first, !ranges.isEmpty else { return offers.first }
        var best = (offer: first, weight: 0.0)
        for offer in offers {
            let weight = weight(of: offer, in: ranges)
            if weight > best.weight { best = (offer, weight) }
        }
        return best.offer
    }

    /// Whether the client accepts a gzip body. Without an Accept-Encoding field it may not.
    package static func acceptsGzip(_ headers: Headers) -> Bool {
        let codings = headers.values("accept-encoding").flatMap { $0.split(separator: ",") }.map(weighted)
        let own = codings.first { $0.name == "gzip" || $0.name == "x-gzip" }
        return (own ?? codings.first { $0.name == "*" }).map { $0.weight > 0 } ?? false
    }

    private static func weight(of offer: String, in ranges: [(name: String, weight: Double)]) -> Double {
        let family = offer.prefix { $0 != "/" } + "/*"
        for candidate in [offer, String(family), "*/*"] {
            if let range = ranges.first(where: { $0.name == candidate }) { return range.weight }
        }
        return 0
    }

    private static func weighted(_ element: Substring) -> (name: String, weight: Double) {
        let parts = element.split(separator: ";").map { part in
            part.filter { $0 != " " && $0 != "\t" }.lowercased()
        }
        let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
        return (parts.first ?? "", weight)
    }
}

import Encoding

/// The versions of the API, three a year. Documented: 59.0 is Winter '24, 60.0 Spring '24, 61.0 Summer '24.
enum APIVersions {
    static let oldest = 31
    static let latest = 66

    /// `GET /services/data/`
    static var document: JSONText {
        .array(
            (oldest...latest).map { number in
                let release = number - 59 + 3 * 24
                let season = ["Winter", "Spring", "Summer"][release % 3]
                return [
                    "label": .string("\(season) '\(release / 3)"),
                    "url": .string("/services/data/v\(number).0"), "version": .string("\(number).0"),
                ]
            })
    }

    /// `66.0` for `v66.0`. Nil for an unknown version.
    static func version(_ segment: String) -> String? {
        guard segment.first == "v", segment.hasSuffix(".0"),
            let number = Int(segment.dropFirst().dropLast(2)), (oldest...latest).contains(number)
        else { return nil }
        return "\(number).0"
    }
}

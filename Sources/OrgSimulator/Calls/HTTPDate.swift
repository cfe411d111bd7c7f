import Encoding

/// Reads dates of HTTP headers.
enum HTTPDate {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds since 1970 of `Wed, 3 Jul 2013 19:43:31 GMT`. Nil for other text.
    static func seconds(_ text: String) -> Int? {
        let parts = text.split(separator: " ")
        guard parts.count >= 5, let day = Int(parts[1]), let month = months.firstIndex(of: String(parts[2]))
        else {
            return nil
        }
        let date = "\(parts[3])-\(pad(month + 1))-\(pad(day))T\(parts[4])Z"
        return ISO8601.instant(date).map { $0 / 1000 }
    }

    private static func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

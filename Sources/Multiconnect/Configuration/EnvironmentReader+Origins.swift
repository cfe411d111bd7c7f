import FoundationEssentials

extension EnvironmentReader {
    /// Origins, separated by commas.
    mutating func origins(_ name: String) -> [String] {
        (text(name) ?? "").split { $0 == "," || $0.isWhitespace }.compactMap { part in
            let url = URL(string: String(part))
            guard let url, ["http", "https"].contains(url.scheme), url.host()?.isEmpty == false,
                url.path().isEmpty, url.query() == nil, url.fragment() == nil, url.user() == nil
            else {
                report(
                    "\(name) must be origins separated by commas, as https://app.example.com, "
                        + "not \(part.debugDescription)")
                return nil
            }
            return String(part)
        }
    }
}

import Pages

/// A small line in a list. Screen readers get its label.
struct Sparkline: Sendable {
    /// For example `Rows in 24 h: 120`.
    let label: String
    let values: [Int]

    private static let height = 20
    private static let pitch = 4

    var content: HTML {
        let top = values.max() ?? 0
        guard top > 0 else { return "<span class=\"dim\">–</span>" }
        let points = values.enumerated().map { place, value in
            "\(place * Self.pitch),\(Self.height - 1 - (Self.height - 2) * value / top)"
        }
        let width = max(values.count - 1, 1) * Self.pitch
        return """
            <svg class="spark" role="img" viewBox="0 0 \(String(width)) \(String(Self.height))"
            preserveAspectRatio="none"><title>\(label)</title>
            <polyline points="\(points.joined(separator: " "))"/></svg>
            """
    }
}

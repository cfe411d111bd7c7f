/// A finite double taken apart into the fewest decimal digits that identify it.
struct ShortestDecimal: Sendable {
    let isNegative: Bool
    /// ASCII digits without leading or trailing zeros.
    let digits: [UInt8]
    /// Where the decimal point stands, counted from before the first digit: 0.5 has 0, 5 has 1, 50 has 2.
    let point: Int

    /// - Parameter number: finite and not zero.
    init(_ number: Double) {
        var text = Substring(number.description)
        isNegative = text.first == "-"
        if isNegative { text = text.dropFirst() }
        var exponent = 0
        if let mark = text.firstIndex(of: "e") {
            exponent = Int(text[text.index(after: mark)...]) ?? 0
            text = text[..<mark]
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        var digits = Array(parts[0].utf8)
        var point = digits.count + exponent
        if parts.count > 1 { digits += parts[1].utf8 }
        while digits.count > 1, digits.first == 0x30 {
            digits.removeFirst()
            point -= 1
        }
        while digits.count > 1, digits.last == 0x30 { digits.removeLast() }
        self.digits = digits
        self.point = point
    }
}

/// The fewest decimal digits that identify a finite double.
struct ShortestDecimal: Sendable {
    let isNegative: Bool
    /// ASCII digits without leading or trailing zeros.
    let digits: [UInt8]
    /// The position of the decimal point, counted from before the first digit: 0 for 0.5, 1 for 5, 2 for 50.
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

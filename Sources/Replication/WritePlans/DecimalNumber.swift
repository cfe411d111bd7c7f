/// A decimal number as text: an integer and a power of ten, without rounding.
package struct DecimalNumber: Sendable, Equatable {
    package var isNegative: Bool
    /// Without leading and trailing zeros; empty for zero. Values from 0 to 9.
    package var digits: [UInt8]
    /// The power of ten of the last digit.
    package var exponent: Int

    /// Reads `-12.50`, `1e+20` and the like. Nil for other text, such as `NaN`.
    package init?(_ text: String) {
        var bytes = Array(text.utf8)[...]
        isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
        digits = []
        exponent = 0
        var isFraction = false
        var hasDigit = false
        while let byte = bytes.first, byte != UInt8(ascii: "e"), byte != UInt8(ascii: "E") {
            bytes.removeFirst()
            switch byte {
            case UInt8(ascii: ".") where !isFraction: isFraction = true
            case 0x30...0x39:
                hasDigit = true
                digits.append(byte - 0x30)
                if isFraction { exponent -= 1 }
            default: return nil
            }
        }
        guard hasDigit else { return nil }
        if !bytes.isEmpty {
            guard let power = Int(String(decoding: bytes.dropFirst(), as: UTF8.self)), abs(power) < 1_000_000
            else { return nil }
            exponent += power
        }
        normalize()
    }

    private mutating func normalize() {
        let zeros = digits.prefix { $0 == 0 }.count
        digits.removeFirst(zeros)
        while digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
        if digits.isEmpty {
            exponent = 0
            isNegative = false
        }
    }

    /// Digits after the point.
    package var scale: Int { max(0, -exponent) }

    /// Digits before the point; 0 for numbers below 1.
    package var wholeDigits: Int { digits.isEmpty ? 0 : max(0, digits.count + exponent) }

    /// Rounded half away from zero to so many digits after the point.
    package func rounded(toScale scale: Int) -> DecimalNumber {
        let surplus = -exponent - scale
        guard surplus > 0 else { return self }
        var result = self
        let isUp = surplus <= digits.count && digits[digits.count - surplus] >= 5
        result.digits.removeLast(min(surplus, digits.count))
        result.exponent = -scale
        if isUp {
            var place = result.digits.count - 1
            while place >= 0, result.digits[place] == 9 {
                result.digits[place] = 0
                place -= 1
            }
            if place >= 0 {
                result.digits[place] += 1
            } else {
                result.digits.insert(1, at: 0)
            }
        }
        result.normalize()
        return result
    }

    /// True if the numbers have the same significant digits, as many as each reader of JSON keeps.
    package func isNearly(_ other: DecimalNumber) -> Bool {
        let leading = max(digits.count + exponent, other.digits.count + other.exponent)
        let scale = ReplicationLimits.comparedDigits - leading
        return rounded(toScale: scale) == other.rounded(toScale: scale)
    }

    /// JSON's form: without an exponent, unless the number is very large or small.
    package var text: String {
        guard !digits.isEmpty else { return "0" }
        let sign = isNegative ? "-" : ""
        let figures = digits.map { $0 + 0x30 }
        func string(_ part: some Sequence<UInt8>) -> String { String(decoding: Array(part), as: UTF8.self) }
        guard wholeDigits <= 40, scale <= 40 else { return "\(sign)\(string(figures))e\(exponent)" }
        if exponent >= 0 {
            return sign + string(figures) + String(repeating: "0", count: exponent)
        }
        let fraction = String(repeating: "0", count: max(0, scale - digits.count))
        let whole = figures.dropLast(scale)
        return sign + (whole.isEmpty ? "0" : string(whole)) + "." + fraction + string(figures.suffix(scale))
    }
}

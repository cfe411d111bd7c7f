/// Doubles in the formats of several systems, with the fewest digits that parse to the same number.
enum NumberText {
    /// As Java's `Double.toString`: `100.0`, `-0.25`, `1.234567E9`, `1.0E-5`.
    ///
    /// Assumed for Bulk results and JSON: Salesforce's servers run Java, and clients have seen `100.0` and
    /// scientific notation.
    static func appendJava(_ number: Double, to bytes: inout [UInt8]) {
        let magnitude = number.magnitude
        if magnitude == 0 || (magnitude >= 1e-3 && magnitude < 1e7) {
            // Swift and Java write this range alike.
            bytes.append(contentsOf: number.description.utf8)
            return
        }
        let decimal = ShortestDecimal(number)
        if decimal.isNegative { bytes.append(0x2D) }
        bytes.append(decimal.digits[0])
        bytes.append(0x2E)
        if decimal.digits.count == 1 { bytes.append(0x30) }
        bytes.append(contentsOf: decimal.digits.dropFirst())
        bytes.append(0x45)
        bytes.append(contentsOf: String(decimal.point - 1).utf8)
    }

    /// As `appendJava`.
    static func java(_ number: Double) -> String {
        var bytes: [UInt8] = []
        appendJava(number, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// As Postgres writes a `double precision`: `100`, `-0.25`, `1234567000`, `1e+15`, `1e-05`.
    static func postgres(_ number: Double) -> String {
        if number == 0 { return number.sign == .minus ? "-0" : "0" }
        let decimal = ShortestDecimal(number)
        let sign = decimal.isNegative ? "-" : ""
        let digits = String(decoding: decimal.digits, as: UTF8.self)
        let exponent = decimal.point - 1
        if exponent < -4 || exponent >= 15 {
            let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
            let power = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
            return sign + digits.prefix(1) + fraction + (exponent < 0 ? "e-" : "e+") + power
        }
        if decimal.point <= 0 {
            return sign + "0." + String(repeating: "0", count: -decimal.point) + digits
        }
        if decimal.point >= digits.count {
            return sign + digits + String(repeating: "0", count: decimal.point - digits.count)
        }
        return sign + digits.prefix(decimal.point) + "." + digits.dropFirst(decimal.point)
    }

    /// Integers, without a `String`.
    static func appendInteger(_ number: Int, to bytes: inout [UInt8]) {
        if number < 0 { bytes.append(0x2D) }
        var rest = number.magnitude
        var divisor: UInt = 1
        while rest / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(truncatingIfNeeded: 0x30 + rest / divisor))
            rest %= divisor
            divisor /= 10
        }
    }
}

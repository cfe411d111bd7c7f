/// Removes the fraction of zeros from whole numbers in a stream of CSV: `100.0` becomes `100`, which a
/// column of integers takes. Any other text stays as it is.
///
/// A chunk without such numbers is returned without a copy.
struct WholeNumberFilter {
    /// True for the columns of integers.
    private let isWhole: [Bool]
    private var column = 0
    private var isQuoted = false
    /// True if the current cell is of a column of integers and has only digits so far.
    private var isNumber = false
    /// The same, with at least one digit.
    private var hasDigits = false
    /// Bytes that are held back until another byte follows: a point and zeros.
    private var held = 0

    init(_ isWhole: [Bool]) {
        self.isWhole = isWhole
        isNumber = isWhole.first ?? false
    }

    mutating func filter(_ chunk: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        // The first byte that is not in `output` yet, unless bytes are held back.
        var start = 0
        let bytes = chunk.span
        for index in bytes.indices {
            let byte = bytes[index]
            // Most bytes are text of other columns.
            if byte > UInt8(ascii: ","), !isNumber { continue }
            if held > 0 {
                if byte == UInt8(ascii: "0") {
                    held += 1
                    continue
                }
                if !Self.endsNumber(byte) { release(into: &output) }
                held = 0
                start = index
            }
            switch byte {
            case UInt8(ascii: "\""):
                isQuoted.toggle()
            case UInt8(ascii: ",") where !isQuoted: begin(column + 1)
            case UInt8(ascii: "\n") where !isQuoted: begin(0)
            case UInt8(ascii: "0")...UInt8(ascii: "9"): hasDigits = isNumber
            case UInt8(ascii: ".") where isNumber && hasDigits:
                if output.isEmpty { output.reserveCapacity(chunk.count) }
                output += chunk[start..<index]
                held = 1
            case UInt8(ascii: "-") where !hasDigits: break
            default: isNumber = false
            }
        }
        if held > 0 { return output }
        guard start > 0 || !output.isEmpty else { return chunk }
        return output + chunk[start...]
    }

    private static func endsNumber(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\n"), UInt8(ascii: "\r"): true
        default: false
        }
    }

    private mutating func release(into output: inout [UInt8]) {
        output.append(UInt8(ascii: "."))
        output += repeatElement(UInt8(ascii: "0"), count: held - 1)
        isNumber = false
    }

    private mutating func begin(_ next: Int) {
        column = next
        isNumber = next < isWhole.count && isWhole[next]
        hasDigits = false
    }
}

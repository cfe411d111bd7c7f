import FoundationEssentials

/// The rule of a formula field: a quotient of two numbers of the same row, multiplied.
struct Formula: Hashable, Sendable {
    let numerator: String
    let denominator: String
    var factor = 1.0

    /// As in a describe's `calculatedFormula`.
    var text: String { "\(numerator) / \(denominator) * \(factor)" }

    /// Two decimals. Null if an operand is null or the denominator is zero.
    func value(_ numerator: FieldValue, _ denominator: FieldValue) -> FieldValue {
        guard case .number(let top) = numerator.comparable, case .number(let bottom) = denominator.comparable,
            bottom != 0
        else { return .null }
        return .number((top / bottom * factor * 100).rounded() / 100)
    }
}

/// The WHERE clause of a query.
indirect enum SOQLCondition: Hashable, Sendable {
    case all([SOQLCondition])
    case any([SOQLCondition])
    case not(SOQLCondition)
    case comparison(SOQLQuery.FieldPath, Operator, SOQLLiteral)
    case membership(SOQLQuery.FieldPath, [SOQLLiteral], isNegated: Bool)

    enum Operator: String, Hashable, Sendable {
        case equal = "="
        case unequal = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case like = "LIKE"
    }
}

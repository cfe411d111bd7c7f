import Postgres
import TenantAdmin

/// Translates expressions to conditions of SQL. Values become parameters; names are those of the table's
/// columns. A comparison with null is false, except `eq` and `ne`: OData has no third truth value.
struct FilterCondition {
    private typealias Kind = ODataColumn.Kind

    /// A part of a comparison.
    private enum Operand {
        case value(SQL, ODataColumn.Kind)
        /// It has no type until its counterpart is known.
        case literal(FilterLiteral)
    }

    private let columns: [String: ODataColumn]

    init(_ table: ODataTable) {
        columns = Dictionary(table.columns.map { ($0.name, $0) }) { first, _ in first }
    }

    /// The condition of a filter.
    func condition(_ expression: FilterExpression) throws(ODataError) -> SQL {
        switch expression {
        case .all(let parts): return try joined(parts, " and ")
        case .any(let parts): return try joined(parts, " or ")
        case .not(let operand): return "((\(try condition(operand))) is not true)"
        case .comparison(let comparison, let left, let right, let position):
            return try compare(comparison, operand(left), operand(right), at: position)
        case .membership(let subject, let values, let position):
            return try membership(subject, values, at: position)
        case .literal(.boolean(let value), _): return value ? "true" : "false"
        case .property, .call, .literal:
            guard case .value(let sql, .boolean) = try operand(expression) else {
                throw ODataError(.typeMismatch, "a condition is expected", at: expression.position)
            }
            return sql
        }
    }

    private func joined(_ parts: [FilterExpression], _ separator: String) throws(ODataError) -> SQL {
        var conditions: [SQL] = []
        for part in parts { conditions.append(try condition(part)) }
        return "(\(conditions.joined(separator: separator)))"
    }

    private func operand(_ expression: FilterExpression) throws(ODataError) -> Operand {
        switch expression {
        case .literal(let literal, _): return .literal(literal)
        case .property(let name, let position):
            guard let column = columns[name] else {
                throw ODataError(.unknownProperty, "there is no property \(name)", at: position)
            }
            return .value("\(identifier: name)", column.kind)
        case .call(let function, let arguments, let position):
            return try call(function, arguments, at: position)
        case .comparison, .membership, .all, .any, .not:
            return .value("(\(try condition(expression)))", .boolean)
        }
    }

    private func compare(
        _ comparison: FilterComparison, _ left: Operand, _ right: Operand, at position: Int
    ) throws(ODataError) -> SQL {
        switch (left, right) {
        case (.literal(.null), .literal(.null)): return comparison == .equal ? "true" : "false"
        case (.value(let sql, _), .literal(.null)), (.literal(.null), .value(let sql, _)):
            switch comparison {
            case .equal: return "(\(sql) is null)"
            case .notEqual: return "(\(sql) is not null)"
            default: return "false"
            }
        case (.literal(.null), .literal), (.literal, .literal(.null)):
            return comparison == .notEqual ? "true" : "false"
        case (.value(let sql, let kind), .literal(let literal)):
            let parameter = try parameter(literal, for: kind, at: position)
            return Self.sql(comparison, sql, parameter, mayBothBeNull: false)
        case (.literal(let literal), .value(let sql, let kind)):
            let parameter = try parameter(literal, for: kind, at: position)
            return Self.sql(comparison, parameter, sql, mayBothBeNull: false)
        case (.literal(let one), .literal(let other)):
            let kind = Self.kind(of: one)
            return Self.sql(
                comparison, try parameter(one, for: kind, at: position),
                try parameter(other, for: kind, at: position), mayBothBeNull: false)
        case (.value(let one, let kind), .value(let other, let otherKind)):
            guard Self.areComparable(kind, otherKind) else {
                throw ODataError(.typeMismatch, "values of these types cannot be compared", at: position)
            }
            return Self.sql(comparison, one, other, mayBothBeNull: true)
        }
    }

    private static func sql(
        _ comparison: FilterComparison, _ left: SQL, _ right: SQL, mayBothBeNull: Bool
    ) -> SQL {
        switch comparison {
        case .equal:
            mayBothBeNull ? "(\(left) is not distinct from \(right))" : "(\(left) = \(right))"
        // The value null differs from all others.
        case .notEqual: "(\(left) is distinct from \(right))"
        case .greater: "(\(left) > \(right))"
        case .greaterOrEqual: "(\(left) >= \(right))"
        case .less: "(\(left) < \(right))"
        case .lessOrEqual: "(\(left) <= \(right))"
        }
    }

    private func membership(
        _ subject: FilterExpression, _ values: [FilterExpression], at position: Int
    ) throws(ODataError) -> SQL {
        guard case .value(let sql, let kind) = try operand(subject) else {
            throw ODataError(.typeMismatch, "a property is expected before in", at: subject.position)
        }
        var parameters: [SQL] = []
        var hasNull = false
        for value in values {
            guard case .literal(let literal, let place) = value else { continue }
            if literal == .null {
                hasNull = true
            } else {
                parameters.append(try parameter(literal, for: kind, at: place))
            }
        }
        let isIn: SQL = parameters.isEmpty ? "false" : "\(sql) in (\(parameters.joined(separator: ", ")))"
        return hasNull ? "(\(isIn) or \(sql) is null)" : "(\(isIn))"
    }
}

// Functions.
extension FilterCondition {
    private func call(
        _ function: FilterFunction, _ arguments: [FilterExpression], at position: Int
    ) throws(ODataError) -> Operand {
        switch function {
        case .contains: return .value(try found(arguments[0], arguments[1]), .boolean)
        case .substringof: return .value(try found(arguments[1], arguments[0]), .boolean)
        case .startswith:
            return .value("starts_with(\(try text(arguments[0])), \(try text(arguments[1])))", .boolean)
        case .endswith:
            let end = try text(arguments[1])
            return .value("(right(\(try text(arguments[0])), char_length(\(end))) = \(end))", .boolean)
        case .tolower: return .value("lower(\(try text(arguments[0])))", .text)
        case .toupper: return .value("upper(\(try text(arguments[0])))", .text)
        case .trim: return .value("btrim(\(try text(arguments[0])))", .text)
        case .concat: return .value("(\(try text(arguments[0])) || \(try text(arguments[1])))", .text)
        case .length: return .value("char_length(\(try text(arguments[0])))", .int32)
        case .indexof:
            return .value("(strpos(\(try text(arguments[0])), \(try text(arguments[1]))) - 1)", .int32)
        case .year, .month, .day, .hour, .minute, .second:
            return .value(try part(function, of: arguments[0]), .int32)
        case .round, .floor, .ceiling:
            guard case .value(let sql, let kind) = try operand(arguments[0]), kind.isNumber else {
                throw ODataError(
                    .typeMismatch, "\(function.rawValue) takes a number", at: arguments[0].position)
            }
            let name: SQL =
                switch function {
                case .round: "round"
                case .floor: "floor"
                default: "ceil"
                }
            return .value("\(name)(\(sql)::numeric)", .decimal)
        }
    }

    private func found(
        _ subject: FilterExpression, _ part: FilterExpression
    ) throws(ODataError) -> SQL {
        "(strpos(\(try text(subject)), \(try text(part))) > 0)"
    }

    private func part(
        _ function: FilterFunction, of argument: FilterExpression
    ) throws(ODataError) -> SQL {
        let isOfDate = [.year, .month, .day].contains(function)
        guard case .value(let sql, let kind) = try operand(argument),
            kind == .timestamp || kind == .zonedTimestamp || kind == (isOfDate ? .date : .time)
        else {
            throw ODataError(
                .typeMismatch, "\(function.rawValue) takes a \(isOfDate ? "date" : "time")",
                at: argument.position)
        }
        // A cast would round 59.9 seconds up.
        return "floor(extract(\(raw: function.rawValue) from \(sql)))::int4"
    }

    private func text(_ argument: FilterExpression) throws(ODataError) -> SQL {
        switch try operand(argument) {
        case .value(let sql, let kind) where kind.isText: return "\(sql)::text"
        case .literal(.string(let text)): return "\(text)::text"
        case .literal(.null): return "null::text"
        case .value, .literal:
            throw ODataError(.typeMismatch, "a text is expected", at: argument.position)
        }
    }
}

// Values.
extension FilterCondition {
    private static func kind(of literal: FilterLiteral) -> ODataColumn.Kind {
        switch literal {
        case .boolean: .boolean
        case .integer, .decimal: .decimal
        case .string, .null: .text
        case .date, .instant: .zonedTimestamp
        case .time: .time
        case .guid: .uuid
        case .bytes: .bytes
        }
    }

    private static func areComparable(_ one: ODataColumn.Kind, _ other: ODataColumn.Kind) -> Bool {
        let times: Set<ODataColumn.Kind> = [.date, .timestamp, .zonedTimestamp]
        return one == other || (one.isNumber && other.isNumber) || (one.isText && other.isText)
            || (times.contains(one) && times.contains(other))
    }

    /// A literal as a parameter of a type that can be compared with `kind`, without losing the use of an
    /// index.
    private func parameter(
        _ literal: FilterLiteral, for kind: ODataColumn.Kind, at position: Int
    ) throws(ODataError) -> SQL {
        switch (literal, kind) {
        case (.boolean(let value), .boolean): return "\(value)::bool"
        case (.string(let text), .text), (.string(let text), .varchar), (.string(let text), .character):
            guard !text.utf8.contains(0) else { break }
            return "\(text)::text"
        case (.guid(let text), .uuid): return "\(text)::uuid"
        case (.string(let text), .uuid) where FilterText.isGUID(text): return "\(text)::uuid"
        case (.integer(let digits), .int16), (.integer(let digits), .int32), (.integer(let digits), .int64):
            return Int64(digits) == nil ? "\(digits)::numeric" : "\(digits)::int8"
        case (.integer(let digits), .single), (.integer(let digits), .double),
            (.decimal(let digits), .single), (.decimal(let digits), .double):
            return "\(digits)::float8"
        case (.integer(let digits), .decimal), (.decimal(let digits), .decimal),
            (.decimal(let digits), .int16), (.decimal(let digits), .int32), (.decimal(let digits), .int64):
            return "\(digits)::numeric"
        case (.date(let text), .date): return "\(text)::date"
        case (.date(let text), .timestamp): return "\(text)::timestamp"
        case (.date(let text), .zonedTimestamp), (.instant(let text), .zonedTimestamp):
            return "\(text)::timestamptz"
        // The session's time zone is UTC, the one of the columns.
        case (.instant(let text), .date), (.instant(let text), .timestamp):
            return "\(text)::timestamptz::timestamp"
        case (.time(let text), .time): return "\(text)::time"
        case (.bytes(let bytes), .bytes): return "\(bytes)::bytea"
        default: break
        }
        throw ODataError(.typeMismatch, "the value is not of the property's type", at: position)
    }
}

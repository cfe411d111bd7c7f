import Foundation

/// One transaction of an application in a tenant's schema. `T.` stands for the schema.
struct SoakWrite: Sendable, Equatable {
    /// An object that the soak writes, with the column that tells which change a value came from.
    struct Target: Sendable {
        let object: String
        let table: String
        /// API name of the column of markers.
        let field: String
        var column: String { field.lowercased() }
    }

    static let targets = [
        Target(object: "Account", table: "account", field: "Site"),
        Target(object: "Tweet__c", table: "tweet__c", field: "Text__c"),
    ]

    var statements: [String]
    /// Markers of inserts. The org must have each exactly once.
    var inserts: [String] = []
    /// Markers that must never be in the org.
    var rolledBack: [String] = []

    /// - Parameter prefix: unique for the seed and the step.
    static func random(_ prefix: String, _ random: inout SoakRandom) -> SoakWrite {
        let target = targets[Int.random(in: 0..<targets.count, using: &random)]
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1: return insert(target, prefix, count: 1)
        case 2: return insert(target, prefix, count: Int.random(in: 2...8, using: &random))
        case 3:
            // The update is captured while the insert waits or runs.
            var write = insert(target, prefix, count: 1)
            write.statements.append(
                "update T.\(target.table) set \(target.column) = '\(prefix)-u' "
                    + "where \(target.column) = '\(prefix)-i0'")
            return write
        case 4:
            let marker = "\(prefix)-r"
            return SoakWrite(
                statements: [update(target, marker, place(&random)), "rollback", "begin"],
                rolledBack: [marker])
        case 5: return SoakWrite(statements: [delete(target, place(&random))])
        case 6:
            var write = insert(target, prefix, count: 1)
            write.statements.insert(delete(target, place(&random)), at: 0)
            return write
        case 7:
            // Nothing but nulls and numbers.
            let assignment = target.object == "Account" ? "annualrevenue = null" : "likes__c = null"
            return SoakWrite(statements: [
                "update T.\(target.table) set \(assignment) where id = \(row(target, place(&random)))"
            ])
        case 8:
            let places = (0..<3).map { _ in place(&random) }
            return SoakWrite(
                statements: places.enumerated().map { update(target, "\(prefix)-u\($0)", $1) })
        default: return SoakWrite(statements: [update(target, "\(prefix)-u", place(&random))])
        }
    }

    private static func place(_ random: inout SoakRandom) -> Int { Int.random(in: 0..<1_000, using: &random) }

    private static func row(_ target: Target, _ place: Int) -> String {
        """
        (select id from T.\(target.table) where sfid is not null order by id
        offset \(place) % greatest(1, (select count(*) from T.\(target.table) where sfid is not null)) limit 1)
        """
    }

    private static func update(_ target: Target, _ marker: String, _ place: Int) -> String {
        "update T.\(target.table) set \(target.column) = '\(marker)' where id = \(row(target, place))"
    }

    private static func delete(_ target: Target, _ place: Int) -> String {
        "delete from T.\(target.table) where id = \(row(target, place))"
    }

    private static func insert(_ target: Target, _ prefix: String, count: Int) -> SoakWrite {
        let markers = (0..<count).map { "\(prefix)-i\($0)" }
        let key = target.object == "Account" ? "name" : "external_id__c"
        let values = markers.map { "('\($0)', '\($0)')" }.joined(separator: ", ")
        return SoakWrite(
            statements: ["insert into T.\(target.table) (\(key), \(target.column)) values \(values)"],
            inserts: markers)
    }
}

import Foundation

/// The steps of one seed, chosen before anything runs, so that a seed always gives the same steps.
struct SoakPlan: Sendable {
    /// What happens beside changes of rows.
    enum Trouble: String, Sendable, CaseIterable {
        case gap, overflow, wildcard, late, expireTokens, serverErrors, dropped, slow, overLimit, forgetEvents
        case addField, lengthenField
        /// Records that leave the org without an event, and an overflow.
        case lostDeletes
        /// Late updates without events.
        case silentLate
        /// A suspended worker, which continues after the last change.
        case freeze
        /// A user's session that locks rows.
        case lockRows
        /// The database ends the workers' sessions.
        case endDatabaseSessions
        /// The org ends its CometD sessions, and is too busy for new ones.
        case endStreams
        /// A write whose answer is lost.
        case lostResponse
        /// A write whose connection is lost at once, and that the org carries out some time later.
        case lateCommit
        /// Records that the org has locked.
        case lockedRecords
        /// Updates of 2,400 records without events: polls of several pages.
        case silentMany

        /// Those of a seed with few records.
        static let usual = allCases.filter { $0 != .silentMany }
    }

    enum Step: Sendable, Equatable {
        /// The body of `POST /simulator/orgs/1/changes`.
        case change(String)
        /// The body of `POST /simulator/faults` without the org.
        case fault(String)
        /// Kills the worker that holds the tenant with SIGKILL, and starts another one. If no worker holds it,
        /// kills this one.
        case kill(worker: Int)
        /// Suspends the worker that holds the tenant, and starts another one.
        case freeze
        /// Locks some rows of the table for this time.
        case lock(object: String, milliseconds: Int)
        /// Ends the sessions of workers in the database.
        case endSessions
        case pause(milliseconds: Int)
        /// A transaction of an application.
        case write(SoakWrite)
    }

    static let objects = ["Account", "Contact", "Tweet__c"]
    static let workers = 2

    let steps: [Step]

    init(_ options: SoakOptions, seed: UInt64) {
        var random = SoakRandom(seed: seed)
        var steps: [Step] = []
        var left = options.operations
        while left > 0 {
            let count = min(left, Int.random(in: 1...25, using: &random))
            left -= count
            steps.append(.change(Self.changes(options, count, &random)))
            if options.hasWrites, Bool.random(using: &random) {
                steps.append(.write(.random("w\(seed)-\(steps.count)", &random)))
            }
            if Bool.random(using: &random) {
                steps.append(.pause(milliseconds: Int.random(in: 1...600, using: &random)))
            }
            if !options.troubles.isEmpty, Int.random(in: 0..<options.stepsPerTrouble, using: &random) == 0 {
                let trouble = options.troubles[Int.random(in: 0..<options.troubles.count, using: &random)]
                steps += Self.steps(trouble, options, number: steps.count, &random)
            }
        }
        for _ in 0..<options.kills {
            steps.insert(
                .kill(worker: Int.random(in: 0..<Self.workers, using: &random)),
                at: Int.random(in: 0..<steps.count, using: &random))
        }
        self.steps = steps
    }

    private static func changes(
        _ options: SoakOptions, _ count: Int, _ random: inout SoakRandom
    ) -> String {
        let seed = Int.random(in: 1...1_000_000_000, using: &random)
        let batch = [1, 1, 1, 3, 10][Int.random(in: 0..<5, using: &random)]
        let kinds = options.kinds.map { "\"\($0)\"" }.joined(separator: ",")
        let objects = objects.map { "\"\($0)\"" }.joined(separator: ",")
        return
            #"{"kind":"random","seed":\#(seed),"count":\#(count),"batch":\#(batch),"kinds":[\#(kinds)],"objects":[\#(objects)]}"#
    }

    private static func steps(
        _ trouble: Trouble, _ options: SoakOptions, number: Int, _ random: inout SoakRandom
    ) -> [Step] {
        let seed = Int.random(in: 1...1_000_000_000, using: &random)
        let object = objects[Int.random(in: 0..<objects.count, using: &random)]
        switch trouble {
        case .gap:
            let kinds = ["GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE"]
            let kind = kinds[Int.random(in: 0..<kinds.count, using: &random)]
            return [
                .change(
                    #"{"kind":"gap","object":"\#(object)","changeType":"\#(kind)","count":3,"seed":\#(seed)}"#
                )
            ]
        case .lostDeletes:
            return [
                .change(
                    #"{"kind":"delete","object":"\#(object)","count":2,"seed":\#(seed),"events":false}"#),
                .change(#"{"kind":"hardDelete","object":"\#(object)","count":2,"seed":\#(seed)}"#),
                .change(#"{"kind":"overflow","object":"\#(object)"}"#),
            ]
        case .overflow: return [.change(#"{"kind":"overflow","object":"\#(object)"}"#)]
        case .wildcard: return [.change(#"{"kind":"wildcard","object":"\#(object)"}"#)]
        case .late:
            return [
                .change(
                    #"{"kind":"update","object":"\#(object)","count":2,"seed":\#(seed),"visibleAfter":2000}"#)
            ]
        case .freeze: return [.freeze]
        case .lockRows:
            return [.lock(object: object, milliseconds: Int.random(in: 100...1_500, using: &random))]
        case .endDatabaseSessions: return [.endSessions]
        case .endStreams:
            return [
                .change(#"{"kind":"settings","settings":{"endSessions":true}}"#),
                .fault(#"{"kind":"stream_busy","count":2}"#),
            ]
        case .silentLate:
            return [
                .change(
                    #"{"kind":"update","object":"\#(object)","count":2,"seed":\#(seed),"events":false,"visibleAfter":\#(options.lateMilliseconds)}"#
                )
            ]
        case .silentMany:
            return [
                .change(
                    #"{"kind":"update","object":"Account","count":2400,"seed":\#(seed),"events":false}"#)
            ]
        case .lostResponse:
            return [.fault(#"{"kind":"lost_response","path":"/composite/sobjects","count":1}"#)]
        case .lateCommit:
            return [
                .fault(
                    #"{"kind":"late_commit","path":"/composite/sobjects","count":1,"milliseconds":3000}"#)
            ]
        case .lockedRecords:
            return [.fault(#"{"kind":"fail_rows","count":2,"nth":2,"code":"UNABLE_TO_LOCK_ROW"}"#)]
        case .expireTokens: return [.change(#"{"kind":"settings","settings":{"expireTokens":true}}"#)]
        case .serverErrors:
            return [.fault(#"{"kind":"fail","path":"/services/data","status":503,"count":4}"#)]
        case .dropped: return [.fault(#"{"kind":"drop","path":"/services/data","bytes":200,"count":2}"#)]
        case .slow: return [.fault(#"{"kind":"delay","path":"/services/data","milliseconds":700,"count":3}"#)]
        case .overLimit:
            return [
                .change(#"{"kind":"settings","settings":{"overLimit":true}}"#), .pause(milliseconds: 700),
                .change(#"{"kind":"settings","settings":{"overLimit":false}}"#),
            ]
        case .forgetEvents: return [.change(#"{"kind":"settings","settings":{"forgetEvents":true}}"#)]
        case .addField:
            return [
                .change(
                    #"{"kind":"addField","object":"\#(object)","field":"New\#(number)__c","type":"string","length":40}"#
                )
            ]
        case .lengthenField:
            return [
                .change(
                    #"{"kind":"lengthenField","object":"Account","field":"Site","length":\#(100 + number)}"#)
            ]
        }
    }
}

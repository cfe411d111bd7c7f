/// One field of one object in one org. Computes the value of any row alone.
///
/// A class, so that rendering a million rows does not retain its parts a million times.
final class Column: Sendable {
    /// The targets of references.
    struct Neighbours: Sendable {
        /// Ids of the org's users. The first is the integration user's.
        var users: [OrgRecordID]
        /// Id space and number of live rows of each generated object.
        var objects: [String: (space: IDSpace, rows: Int)]
        /// True if some texts are awkward (`AwkwardText`).
        var hasAwkwardTexts = true
    }

    private let recipe: Recipe
    private let nullShare: UInt64
    /// Seeds this column's own random numbers.
    private let key: UInt64
    /// Seeds the values that the columns of a row share, such as its age.
    private let rowKey: UInt64
    private let space: IDSpace
    private let liveRows: Int
    private let users: [OrgRecordID]
    private let target: (space: IDSpace, rows: Int)?
    private let choices: [[UInt8]]
    private let parts: [Part]
    private let awkward: [[UInt8]]
    private let rollUp: RollUpCounts?

    /// A part of a phrase, as bytes.
    private enum Part: Sendable {
        case words([[UInt8]])
        case number
        case digits(Int)
    }

    /// - Parameters:
    ///   - seed: of the org.
    ///   - space: the object's ids.
    ///   - liveRows: rows from this number on are deleted.
    init(
        _ field: FieldSchema, object: String, seed: UInt64, space: IDSpace, liveRows: Int,
        neighbours: Neighbours
    ) {
        recipe = field.recipe
        nullShare = UInt64(field.nullShare)
        key = Mixer.key(seed, object, field.name)
        rowKey = Mixer.key(seed, object)
        self.space = space
        self.liveRows = liveRows
        users = neighbours.users
        switch field.recipe {
        case .reference(let name): target = neighbours.objects[name]
        default: target = nil
        }
        switch field.recipe {
        case .choice(let texts), .choices(let texts): choices = texts.map { Array($0.utf8) }
        default: choices = []
        }
        parts =
            if case .phrase(let parts) = field.recipe {
                parts.map { part in
                    switch part {
                    case .text(let text): .words([Array(text.utf8)])
                    case .oneOf(let vocabulary): .words(vocabulary.words)
                    case .number: .number
                    case .digits(let count): .digits(count)
                    }
                }
            } else {
                []
            }
        let isText = field.type == .string || field.type == .textarea
        let pool = field.type == .textarea ? AwkwardText.paragraphs : AwkwardText.lines
        // Lengths are counted in UTF-16 units, as Java does.
        awkward =
            isText && !field.isExternalID && neighbours.hasAwkwardTexts
            ? pool.filter { String(decoding: $0, as: UTF8.self).utf16.count <= field.length } : []
        rollUp = Self.rollUp(field, seed: seed, space: space, liveRows: liveRows, neighbours: neighbours)
    }

    private static func rollUp(
        _ field: FieldSchema, seed: UInt64, space: IDSpace, liveRows: Int, neighbours: Neighbours
    ) -> RollUpCounts? {
        guard case .rollUp(let child, let name) = field.recipe, let target = neighbours.objects[child],
            let schema = Catalog.objects.first(where: { $0.name == child }),
            let place = schema.place(of: name)
        else { return nil }
        let reference = Column(
            schema.fields[place], object: child, seed: seed, space: target.space, liveRows: target.rows,
            neighbours: neighbours)
        return RollUpCounts(
            reference: reference, childRows: target.rows, parents: space, parentRows: liveRows)
    }

    /// The value of `row`, counted from 0.
    func value(_ row: Int) -> FieldValue {
        let random = Mixer.mix(key &+ UInt64(row))
        if random >> 56 < nullShare { return .null }
        switch recipe {
        case .nothing: return .null
        case .identity: return .id(space.id(row + 1))
        case .deletion: return .boolean(row >= liveRows)
        case .reference:
            guard let target, target.rows > 0 else { return .null }
            return .id(target.space.id(Int(random % UInt64(target.rows)) + 1))
        case .user: return .id(users[Int(random % UInt64(users.count))])
        case .integrationUser: return .id(users[0])
        case .chance(let share): return .boolean(random & 0xFF < UInt64(share))
        case .integer(let range): return .integer(Self.pick(range, random))
        case .decimal(let range, let scale):
            let divisor: Double = scale == 0 ? 1 : scale == 2 ? 100 : scale == 6 ? 1e6 : 1e4
            return .number(Double(Self.pick(range, random)) / divisor)
        case .scientific: return .number(Self.scientific(random))
        case .date(let range): return .date(Self.pick(range, random))
        case .timeOfDay: return .time(Int(random % 86_400) * 1000)
        case .instant: return .instant(Self.epoch + Int(random % Self.span))
        case .created: return .instant(created(row))
        case .modified: return .instant(modified(row))
        case .rollUp: return .number(Double(rollUp?.count(row) ?? 0))
        case .choice, .choices, .phrase, .prose:
            var bytes: [UInt8] = []
            _ = appendText(row, random, to: &bytes)
            return .text(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// 2015-01-01T00:00:00Z: the oldest rows.
    private static let epoch = 1_420_070_400_000
    private static let year: UInt64 = 31_536_000_000
    /// Rows are created within ten years after `epoch`.
    private static let span = 10 * year
    /// The largest value of `Recipe.modified`.
    static let newestStamp = epoch + Int(span) + Int(year)

    private func created(_ row: Int) -> Int {
        // Whole seconds: Salesforce stores no milliseconds in CreatedDate. Recorded (always .000).
        Self.epoch + Int(Mixer.mix(rowKey &+ UInt64(row)) % (Self.span / 1000)) * 1000
    }

    private func modified(_ row: Int) -> Int {
        created(row) + Int(Mixer.mix(rowKey ^ UInt64(row)) % (Self.year / 1000)) * 1000
    }

    private static func pick(_ range: ClosedRange<Int>, _ random: UInt64) -> Int {
        range.lowerBound + Int(random % UInt64(range.upperBound - range.lowerBound + 1))
    }

    private static func scientific(_ random: UInt64) -> Double {
        // Up to 1e15: a larger number can have several shortest texts, and Postgres and Swift choose
        // differently.
        let exponent = Int(random % 22) - 12
        var number = Double(Int(random >> 8 % 2_000_001) - 1_000_000)
        for _ in 0..<exponent.magnitude { number = exponent < 0 ? number / 10 : number * 10 }
        return number
    }

    /// True if `appendText` writes the values.
    var isText: Bool {
        switch recipe {
        case .choice, .choices, .phrase, .prose: true
        default: false
        }
    }

    /// Appends a row's text. For null it appends no bytes.
    /// - Returns: true if CSV or JSON may have to escape the text.
    func appendText(_ row: Int, to bytes: inout [UInt8]) -> Bool {
        let random = Mixer.mix(key &+ UInt64(row))
        if random >> 56 < nullShare { return false }
        return appendText(row, random, to: &bytes)
    }

    private func appendText(_ row: Int, _ random: UInt64, to bytes: inout [UInt8]) -> Bool {
        if random >> 40 & 1023 < AwkwardText.share, !awkward.isEmpty {
            bytes.append(contentsOf: awkward[Int(random % UInt64(awkward.count))])
            return true
        }
        switch recipe {
        case .choice:
            bytes.append(contentsOf: choices[Int(random % UInt64(choices.count))])
        case .choices:
            let first = Int(random % UInt64(choices.count))
            for step in 0...Int(random >> 20 % 4) where first + step < choices.count {
                if step > 0 { bytes.append(0x3B) }
                bytes.append(contentsOf: choices[first + step])
            }
        case .phrase:
            var rest = random
            for index in parts.indices { rest = append(parts[index], row, rest, to: &bytes) }
        case .prose(let maximum):
            appendProse(row, maximum, random, to: &bytes)
            return true
        default: break
        }
        return false
    }

    private func append(_ part: Part, _ row: Int, _ random: UInt64, to bytes: inout [UInt8]) -> UInt64 {
        switch part {
        case .words(let words):
            if words.count == 1 {
                bytes.append(contentsOf: words[0])
                return random
            }
            bytes.append(contentsOf: words[Int(random % UInt64(words.count))])
            return random >> 5
        case .number: NumberText.appendInteger(row + 1, to: &bytes)
        case .digits(let count):
            var rest = Mixer.mix(random)
            for _ in 0..<count {
                bytes.append(UInt8(truncatingIfNeeded: 0x30 + rest % 10))
                rest /= 10
            }
            return random >> 3
        }
        return random
    }

    /// Usually one to four sentences. One row in a thousand has tens of thousands of characters.
    private func appendProse(_ row: Int, _ maximum: Int, _ random: UInt64, to bytes: inout [UInt8]) {
        let sentences = Vocabulary.sentence.words
        let isLong = row % 1000 == 500
        let count = isLong ? maximum / 44 : min(1 + Int(random >> 10 & 3), maximum / 44)
        var rest = random
        for step in 0..<count {
            if step > 0 { bytes.append(step % 5 == 4 ? 0x0A : 0x20) }
            rest = Mixer.mix(rest)
            bytes.append(contentsOf: sentences[Int(rest % UInt64(sentences.count))])
        }
    }
}

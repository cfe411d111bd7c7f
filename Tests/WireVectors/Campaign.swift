package import HTTPWire

/// A run of damaged heads and chunked bodies through the parsers. The same seed makes the same inputs.
package struct Campaign {
    /// Counts of the verdicts, to show that the inputs reach all parts of the parsers.
    package struct Tally: Sendable {
        package var complete = 0
        package var incomplete = 0
        package var refused: [HTTPWireError.Code: Int] = [:]
    }

    private let feeder = WireFeeder()
    private var heads: Mutator
    private var bodies: Mutator
    private var count = 0
    package private(set) var headTally = Tally()
    package private(set) var bodyTally = Tally()

    /// Small limits, so that the inputs reach each of them.
    private static let smallLimits: HeadLimits = {
        var limits = HeadLimits()
        limits.requestLineBytes = 40
        limits.headBytes = 100
        limits.fieldCount = 3
        return limits
    }()
    /// One of this many inputs is fed byte by byte, which takes one call for each byte.
    private static let dripsOneOf = 8

    package init(seed: UInt64) {
        // Valid vectors are damaged more often: they have more rules to break.
        let heads = HeadVectors.wellFormed.map { Array($0.text.utf8) }
        let bodies = (ChunkedVectors.wellFormed.map(\.text) + ChunkedVectors.withTrailers.map(\.text))
            .map { Array($0.utf8) }
        self.heads = Mutator(HeadVectors.all + (0..<5).flatMap { _ in heads }, seed: seed)
        self.bodies = Mutator(ChunkedVectors.all + (0..<3).flatMap { _ in bodies }, seed: ~seed)
    }

    /// Feeds the vectors at every split. Returns those with more than one verdict.
    package func checkVectors() -> [Disagreement] {
        HeadVectors.all.compactMap { feeder.checkHead($0, .all).1 }
            + ChunkedVectors.all.compactMap { feeder.checkBody($0, .all).1 }
    }

    /// Feeds one more input, heads and bodies alternating. A disagreement is a fault of the parser.
    package mutating func next() -> Disagreement? {
        count += 1
        return count.isMultiple(of: 2) ? nextBody() : nextHead()
    }

    private mutating func nextHead() -> Disagreement? {
        let bytes = heads.next()
        let limits = count % 8 == 1 ? Self.smallLimits : HeadLimits()
        let (verdict, disagreement) = feeder.checkHead(bytes, splits(bytes, &heads), limits: limits)
        switch verdict {
        case .incomplete: headTally.incomplete += 1
        case .refused(let code): headTally.refused[code, default: 0] += 1
        case .complete(let consumed, _, _):
            headTally.complete += 1
            // Bytes after a head must not be read, and a head has a visible end.
            let alone = feeder.head(
                Array(bytes[..<consumed]), ends: CollectionOfOne(consumed), limits: limits)
            if alone != verdict || !bytes[..<consumed].suffix(4).elementsEqual("\r\n\r\n".utf8) {
                return Disagreement(
                    bytes: bytes, way: "alone", whole: verdict.description, other: alone.description)
            }
        }
        return disagreement
    }

    private mutating func nextBody() -> Disagreement? {
        let bytes = bodies.next()
        let (verdict, disagreement) = feeder.checkBody(bytes, splits(bytes, &bodies))
        switch verdict {
        case .incomplete: bodyTally.incomplete += 1
        case .refused(let code): bodyTally.refused[code, default: 0] += 1
        case .complete(let body, let consumed, _):
            bodyTally.complete += 1
            let alone = feeder.body(Array(bytes[..<consumed]), ends: CollectionOfOne(consumed))
            if alone != verdict || body.count >= consumed {
                return Disagreement(
                    bytes: bytes, way: "alone", whole: verdict.description, other: alone.description)
            }
        }
        return disagreement
    }

    private func splits(_ bytes: [UInt8], _ mutator: inout Mutator) -> WireFeeder.Splits {
        let point = mutator.split(bytes)
        return count / 2 % Self.dripsOneOf == 0 ? .dripped : .at(point)
    }
}

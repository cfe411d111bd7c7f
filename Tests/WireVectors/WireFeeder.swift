package import HTTPWire

/// Feeds bytes to the parsers in pieces. Each piece ends at the end of readable memory.
package struct WireFeeder {
    private let memory = GuardedMemory()

    package init() {}

    /// Feeds the prefixes of `bytes` that end at `ends`. The first verdict that is not "incomplete" counts.
    package func head(
        _ bytes: [UInt8], ends: some Sequence<Int>, limits: HeadLimits = HeadLimits()
    ) -> HeadVerdict {
        var parser = HeadParser(limits: limits)
        for end in ends {
            do throws(HTTPWireError) {
                let outcome = try memory.with(bytes[..<end]) { span throws(HTTPWireError) in
                    try parser.parse(span)
                }
                guard case .complete(let head, let consumed) = outcome else { continue }
                return HeadVerdict(head, consumed: consumed)
            } catch {
                return .refused(error.code)
            }
        }
        return .incomplete
    }

    /// Feeds `bytes` in pieces that end at `ends`. A piece is fed until it is consumed.
    package func body(_ bytes: [UInt8], ends: some Sequence<Int>) -> BodyVerdict {
        var decoder = ChunkedDecoder()
        var decoded: [UInt8] = []
        var start = 0
        for end in ends {
            var needsMore = false
            while !needsMore {
                do throws(HTTPWireError) {
                    let step = try memory.with(bytes[start..<end]) { span throws(HTTPWireError) in
                        try decoder.next(span)
                    }
                    switch step {
                    case .data(let range):
                        decoded += bytes[start + range.lowerBound..<start + range.upperBound]
                        start += range.upperBound
                    case .incomplete:
                        start = end
                        needsMore = true
                    case .complete(let consumed):
                        return .complete(
                            decoded, consumed: start + consumed,
                            trailers: decoder.trailers.map { $0.name + "=" + $0.value })
                    }
                } catch {
                    return .refused(error.code)
                }
            }
        }
        return .incomplete(decoded)
    }
}

/// A verdict that depends on the split.
package struct Disagreement: CustomStringConvertible, Sendable {
    package let bytes: [UInt8]
    package let way: String
    package let whole: String
    package let other: String

    package var description: String {
        let text = bytes.map { byte -> String in
            switch byte {
            case 0x0D: "\\r"
            case 0x0A: "\\n"
            case 0x22, 0x5C: "\\" + String(UnicodeScalar(byte))
            case 0x20..<0x7F: String(UnicodeScalar(byte))
            default: "\\u{\(String(byte, radix: 16))}"
            }
        }.joined()
        return "\"\(text)\"\n  whole: \(whole)\n  \(way): \(other)"
    }
}

extension WireFeeder {
    /// The splits to try.
    package enum Splits: Sendable {
        /// In two, at this position.
        case at(Int)
        /// Byte by byte.
        case dripped
        /// In two at every position, and byte by byte.
        case all
    }

    /// The verdict on a head, and the first split with another one.
    package func checkHead(
        _ bytes: [UInt8], _ splits: Splits, limits: HeadLimits = HeadLimits()
    ) -> (HeadVerdict, Disagreement?) {
        check(bytes, splits, whole: head(bytes, ends: CollectionOfOne(bytes.count), limits: limits)) {
            head(bytes, ends: $0, limits: limits)
        }
    }

    /// The verdict on a chunked body, and the first split with another one.
    package func checkBody(_ bytes: [UInt8], _ splits: Splits) -> (BodyVerdict, Disagreement?) {
        check(bytes, splits, whole: body(bytes, ends: CollectionOfOne(bytes.count))) {
            body(bytes, ends: $0)
        }
    }

    private func check<Verdict: Equatable & CustomStringConvertible>(
        _ bytes: [UInt8], _ splits: Splits, whole: Verdict, feed: ([Int]) -> Verdict
    ) -> (Verdict, Disagreement?) {
        func differs(_ ends: [Int], _ way: String) -> Disagreement? {
            let other = feed(ends)
            return other == whole ? nil : Disagreement(bytes, way, whole, other)
        }
        switch splits {
        case .at(let point):
            return (whole, differs([point, bytes.count], "split at \(point)"))
        case .dripped:
            return (whole, differs(Array(0...bytes.count), "byte by byte"))
        case .all:
            for point in bytes.indices {
                if let found = differs([point, bytes.count], "split at \(point)") { return (whole, found) }
            }
            return (whole, differs(Array(0...bytes.count), "byte by byte"))
        }
    }
}

extension Disagreement {
    fileprivate init(
        _ bytes: [UInt8], _ way: String, _ whole: some CustomStringConvertible,
        _ other: some CustomStringConvertible
    ) {
        self.init(bytes: bytes, way: way, whole: whole.description, other: other.description)
    }
}

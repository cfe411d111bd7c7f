import Glibc
import Testing

@testable import HTTPWire

/// Memory whose last byte is followed by an unmapped page: reading beyond the end crashes the test.
private final class GuardedPage {
    private let base: UnsafeMutableRawPointer
    private let size: Int

    init(pages: Int = 8) {
        size = pages * 4096
        base = mmap(nil, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        precondition(mprotect(base + size, 4096, PROT_NONE) == 0)
    }

    deinit {
        munmap(base, size + 4096)
    }

    /// Calls `body` with `bytes` at the very end of the memory.
    func with<Result>(_ bytes: ArraySlice<UInt8>, _ body: (Span<UInt8>) -> Result) -> Result {
        let start = base + size - bytes.count
        bytes.withUnsafeBytes { source in
            if let address = source.baseAddress { memcpy(start, address, bytes.count) }
        }
        let pointer = UnsafePointer(start.assumingMemoryBound(to: UInt8.self))
        return body(Span(_unsafeStart: pointer, count: bytes.count))
    }
}

/// A reproducible source of mutations (SplitMix64).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

private let heads = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /x?y HTTP/1.1\r\nHost: a:80\r\nContent-Length: 12\r\n\r\nabc",
    "PUT http://a/b HTTP/1.0\r\nConnection: keep-alive\r\nX: \ty \r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
]

private let bodies = [
    "3\r\nabc\r\n0\r\n\r\n", "a;x=y\r\n0123456789\r\n1\r\n!\r\n0\r\nA: b\r\n\r\nGET", "0\r\n\r\n",
]

/// Bytes that matter to the parsers, inserted more often than chance would.
private let significant = Array("\r\n \t:;,0aFG\u{0}\u{7f}".utf8) + [0x80, 0xFF]

private func mutated(_ bytes: [UInt8], _ random: inout Seeded) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 0...3, using: &random) {
        let index = Int.random(in: 0..<max(1, bytes.count), using: &random)
        let byte = significant.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<4, using: &random) {
        case 0 where index < bytes.count: bytes[index] = byte
        case 1 where index < bytes.count: bytes.remove(at: index)
        case 2 where index < bytes.count: bytes.append(contentsOf: bytes[index...])
        default: bytes.insert(byte, at: min(index, bytes.count))
        }
    }
    return Array(bytes.prefix(4096))
}

struct MutationTests {
    private let page = GuardedPage()

    @Test func `a damaged head gets one verdict however it is split`() {
        var random = Seeded(state: 1)
        for round in 0..<20_000 {
            let bytes = mutated(Array(heads[round % heads.count].utf8), &random)
            let split = Int.random(in: 0...bytes.count, using: &random)
            let whole = head(bytes, ends: [bytes.count])
            let halves = head(bytes, ends: [split, bytes.count])
            guard whole == halves else {
                Issue.record(
                    "\(whole) but split at \(split) \(halves): \(String(decoding: bytes, as: UTF8.self))")
                return
            }
        }
    }

    @Test func `a damaged chunked body gets one verdict however it is split`() {
        var random = Seeded(state: 2)
        for round in 0..<20_000 {
            let bytes = mutated(Array(bodies[round % bodies.count].utf8), &random)
            let split = Int.random(in: 0...bytes.count, using: &random)
            let whole = body(bytes, ends: [bytes.count])
            let halves = body(bytes, ends: [split, bytes.count])
            guard whole == halves else {
                Issue.record(
                    "\(whole) but split at \(split) \(halves): \(String(decoding: bytes, as: UTF8.self))")
                return
            }
        }
    }

    private func head(_ bytes: [UInt8], ends: [Int]) -> String {
        var parser = HeadParser()
        for end in ends {
            let verdict = page.with(bytes[..<end]) { span -> String? in
                do {
                    guard case .complete(let head, let consumed) = try parser.parse(span) else { return nil }
                    return "\(consumed) \(head.target) \(head.framing) \(head.headers.map { "\($0)=\($1)" })"
                } catch {
                    return "\((error as? HTTPWireError)?.code ?? .chunk)"
                }
            }
            if let verdict { return verdict }
        }
        return "incomplete"
    }

    private func body(_ bytes: [UInt8], ends: [Int]) -> String {
        var decoder = ChunkedDecoder()
        var decoded: [UInt8] = []
        var start = 0
        for end in ends {
            while start < end || end == 0 {
                let step = page.with(bytes[start..<end]) { span in
                    Result { try decoder.next(span) }
                }
                switch step {
                case .success(.data(let range)):
                    decoded += bytes[start..<end].dropFirst(range.lowerBound).prefix(range.count)
                    start += range.upperBound
                case .success(.incomplete):
                    start = end
                case .success(.complete(let consumed)):
                    return "complete \(start + consumed) \(decoded)"
                case .failure(let error):
                    return "\((error as? HTTPWireError)?.code ?? .host)"
                }
                if end == 0 { break }
            }
        }
        return "incomplete \(decoded)"
    }
}

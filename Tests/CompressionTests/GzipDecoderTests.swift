import Support
import Testing

@testable import Compression

struct GzipDecoderTests {
    private func decode(_ packed: [UInt8], pieceBytes: Int = 1000) throws -> [UInt8] {
        let decoder = try GzipDecoder(packed)
        var bytes: [UInt8] = []
        while let piece = try decoder.next(maximumBytes: pieceBytes) {
            #expect(piece.count <= pieceBytes)
            bytes += piece
        }
        return bytes
    }

    private let sample = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* $0 / 7) }

    @Test(arguments: [1, 7, 1000, 50_000, 1 << 20])
    func `a text is the same after it was compressed, in pieces of any size`(pieceBytes: Int) throws {
        let packed = try GzipCommand.compress(sample)
        #expect(packed.count < sample.count)
        #expect(try decode(packed, pieceBytes: pieceBytes) == sample)
    }

    @Test func `an empty text and texts of several members are read`() throws {
        #expect(try decode(GzipCommand.compress([])).isEmpty)
        let twice = try GzipCommand.compress(Array("one".utf8)) + GzipCommand.compress(Array("two".utf8))
        #expect(try decode(twice) == Array("onetwo".utf8))
    }

    @Test func `every shorter text is truncated`() throws {
        let packed = try GzipCommand.compress(Array("some text, some more text".utf8))
        for count in packed.indices {
            #expect(throws: CompressionError.truncated, "\(count)") { try decode(Array(packed[..<count])) }
        }
    }

    @Test func `other formats, a wrong checksum and bytes behind the end are malformed`() throws {
        let packed = try GzipCommand.compress(sample)
        var wrong = packed
        wrong[wrong.count - 8] ^= 1
        // A zlib stream of RFC 1950, and what no format is.
        for bytes in [wrong, packed + [0, 0], [0x78, 0x9C, 3, 0, 0, 0, 0, 1], Array("{\"a\":1}".utf8)] {
            #expect(throws: CompressionError.malformed) { try decode(bytes) }
        }
    }

    @Test func `a small text that becomes a huge one is read in small pieces`() throws {
        let packed = try GzipCommand.compress([UInt8](repeating: 0, count: 32 << 20))
        #expect(packed.count < 64 << 10)
        let decoder = try GzipDecoder(packed)
        for _ in 0..<16 { #expect(try decoder.next(maximumBytes: 4096)?.count == 4096) }
    }
}

import Support
import Testing

@testable import Compression

struct GzipEncoderTests {
    @Test(arguments: [0, 1, 100, 70_000, 3_000_000])
    func `a decoder has the same text again`(count: Int) throws {
        var generator = SystemRandomNumberGenerator()
        let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        for text in [noise, [UInt8](repeating: 97, count: count)] {
            let decoder = try GzipDecoder(try GzipEncoder.encode(text))
            var bytes: [UInt8] = []
            while let piece = try decoder.next(maximumBytes: 65_536) { bytes += piece }
            #expect(bytes == text)
        }
    }

    @Test func `repeated text becomes small`() throws {
        let text = Array(String(repeating: #"{"name":"Acme"},"#, count: 10_000).utf8)
        #expect(try GzipEncoder.encode(text).count < text.count / 50)
    }
}

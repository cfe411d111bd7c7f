import Encoding
import Foundation
import Salesforce
import Testing

@testable import Processes

struct ProcessCallTests {
    private static let good = #"""
        {"org_id": "00D90000000gNcm", "object": "Account", "record_id": "0019000001KwyWt", "field": "Photo__c",
        "input": {"width": 10}, "key": "k1"}
        """#

    private func call(_ name: String, _ body: String) throws -> ProcessCall {
        try ProcessCall(name, parsing: Array(body.utf8))
    }

    @Test func `a call names a record and the field of its result`() throws {
        let parsed = try call("resize_image", Self.good)
        #expect(parsed.organization.text == "00D90000000gNcmEAE")
        #expect(parsed.record == "0019000001KwyWtAAJ")
        #expect(parsed.field == "Photo__c")
        #expect(parsed.key == "k1")
        #expect(parsed.input["width"]?.int == 10)
    }

    @Test func `wrong names, ids and inputs are refused`() {
        for name in ["", "Resize", "../x", "a b", String(repeating: "a", count: 64)] {
            #expect(throws: ProcessCall.Refusal.name) { try call(name, Self.good) }
        }
        let wrong = [
            "", "[]", "{}", Self.good.replacing("00D90000000gNcm", with: "0019000001KwyWt"),
            Self.good.replacing("Photo__c", with: "a;b"), Self.good.replacing("\"Account\"", with: "\"A b\""),
            Self.good.replacing("0019000001KwyWt", with: "x"),
            Self.good.replacing(#"{"width": 10}"#, with: "1"),
        ]
        for body in wrong {
            #expect(throws: ProcessCall.Refusal.body, "\(body)") { try call("resize_image", body) }
        }
        #expect(throws: ProcessCall.Refusal.key) { try call("a", Self.good.replacing("k1", with: "")) }
    }
}

struct ImageResizerTests {
    /// A PNG of one pixel.
    private static let pixel =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

    private func resizer(_ image: String, width: Int = 8, height: Int = 8) throws -> ImageResizer {
        try ImageResizer(
            input: .object([
                "image": .string(image), "width": .number(String(width)), "height": .number(String(height)),
            ]))
    }

    @Test func `the reader is chosen by the first bytes, and limits come before the image`() throws {
        let resizer = try resizer(Self.pixel)
        #expect(resizer.format == .png)
        #expect(resizer.arguments.contains("png:-[0]"))
        let limit = try #require(resizer.arguments.firstIndex(of: "-limit"))
        let image = try #require(resizer.arguments.firstIndex(of: "png:-[0]"))
        #expect(limit < image)
    }

    @Test(arguments: [
        "push graphic-context\nimage over 0,0 0,0 'https://x'\npop graphic-context",
        "<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "%!PS", "@/etc/passwd", "", "GIF8", "\u{89}PN",
    ])
    func `other formats and texts that ImageMagick would interpret are refused`(text: String) {
        #expect(throws: ProcessesError.self) { try resizer(Base64.encode(Array(text.utf8))) }
        #expect(throws: ProcessesError.self) { try resizer(text) }
    }

    @Test func `sizes have limits`() {
        for (width, height) in [(0, 8), (8, 0), (-1, 8), (2_049, 8), (8, 2_049)] {
            #expect(throws: ProcessesError.self) { try resizer(Self.pixel, width: width, height: height) }
        }
    }

    private static var hasImageMagick: Bool {
        let version = Process()
        version.executableURL = URL(filePath: "/usr/bin/env")
        version.arguments = ["convert", "-version"]
        let pipe = Pipe()
        version.standardOutput = pipe
        version.standardError = FileHandle.nullDevice
        guard (try? version.run()) != nil else { return false }
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        version.waitUntilExit()
        return text.contains("ImageMagick 6") || text.contains("ImageMagick 7")
    }

    @Test(.enabled(if: hasImageMagick, "ImageMagick is not installed"))
    func `an image is made smaller, and a broken one is refused`() async throws {
        let large = Process()
        large.executableURL = URL(filePath: "/usr/bin/env")
        large.arguments = ["convert", "-size", "200x100", "xc:red", "png:-"]
        let pipe = Pipe()
        large.standardOutput = pipe
        try large.run()
        let image = Array(pipe.fileHandleForReading.readDataToEndOfFile())
        large.waitUntilExit()
        let small = try await resizer(Base64.encode(image), width: 40, height: 40).run()
        let png = try #require(Base64.decode(small))
        // Width and height of the header.
        #expect(Array(png[16..<24]) == [0, 0, 0, 40, 0, 0, 0, 20])
        await #expect(throws: ProcessesError.self) {
            try await resizer(Base64.encode(Array(image.prefix(40)))).run()
        }
    }
}

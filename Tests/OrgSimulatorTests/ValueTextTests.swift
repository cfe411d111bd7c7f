import Testing

@testable import OrgSimulator

struct ValueTextTests {
    @Test(arguments: [
        (100.0, "100.0", "100"), (-0.25, "-0.25", "-0.25"), (0, "0.0", "0"),
        (1_234_567_000, "1.234567E9", "1234567000"),
        (1e15, "1.0E15", "1e+15"), (123_456_789_012_345, "1.23456789012345E14", "123456789012345"),
        (0.00001, "1.0E-5", "1e-05"), (0.0001, "1.0E-4", "0.0001"), (0.001, "0.001", "0.001"),
        (-1.5e-7, "-1.5E-7", "-1.5e-07"), (9_999_999, "9999999.0", "9999999"), (1e7, "1.0E7", "10000000"),
        (1e100, "1.0E100", "1e+100"), (51_641_131.18, "5.164113118E7", "51641131.18"),
    ])
    func `numbers are written as Java and as Postgres write them`(
        number: Double, java: String, postgres: String
    ) {
        var bytes: [UInt8] = []
        NumberText.appendJava(number, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == java)
        #expect(NumberText.postgres(number) == postgres)
    }

    @Test(arguments: [0, 1, -1, 7, 10, 99, -100, 123_456_789, Int.max, Int.min])
    func `integers are written in full`(number: Int) {
        var bytes: [UInt8] = []
        NumberText.appendInteger(number, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "\(number)")
    }

    @Test func `canonical texts are Postgres's texts`() {
        #expect(CanonicalText.text(.date(11_016)) == "2000-02-29")
        #expect(CanonicalText.text(.instant(-1)) == "1969-12-31 23:59:59.999")
        #expect(CanonicalText.text(.time(45_296_789)) == "12:34:56.789")
        #expect(CanonicalText.text(.text("a\0b")) == "ab")
        #expect(CanonicalText.text(.null) == nil)
        #expect(CanonicalText.text(.boolean(true)) == "true")
    }

    /// `select hashtextextended(t, 0)` of Postgres 15.
    @Test(arguments: [
        ("", -6_939_563_903_564_495_251), ("a", 3_591_986_179_850_072_241),
        ("abc", -6_747_756_470_228_489_321),
        ("12345678901", 4_122_666_949_334_920_506), ("123456789012", -3_387_667_963_766_823_555),
        ("1234567890123", 2_373_490_033_053_362_784), ("São Paulo 😀", -6_265_734_289_195_190_765),
        ("001S10000000001IAA|name|Copper Engine & Sons", 4_495_160_663_159_634_627),
    ])
    func `hashes are Postgres's hashes`(text: String, hash: Int64) {
        #expect(Int64(bitPattern: PostgresHash.hash(Array(text.utf8))) == hash)
    }

    @Test func `gzip frames have the checksum of the standard's example`() {
        var checksum = CRC32()
        checksum.add(Array("123456789".utf8)[...])
        #expect(checksum.value == 0xCBF4_3926)
    }

    @Test(arguments: [0, 1, 65_535, 65_536, 200_000])
    func `the length of a gzip frame is known in advance`(count: Int) {
        let bytes = [UInt8](repeating: 7, count: count)
        #expect(GzipFrame.body(bytes).count == GzipFrame.length(pieces: [count]))
    }
}

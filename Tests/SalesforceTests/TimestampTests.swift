import Foundation
import Testing

@testable import Salesforce

struct TimestampTests {
    @Test(arguments: [
        ("2011-07-07T00:37:00.000+0000", 1_309_999_020.0), ("1970-01-01T00:00:00.000Z", 0),
        ("2018-12-17T21:00:17Z", 1_545_080_417), ("2000-02-29T23:59:59.123+0000", 951_868_799.123),
        ("2011-07-07T02:37:00.000+02:00", 1_309_999_020), ("2011-07-06T16:37:00.000-0800", 1_309_999_020),
        ("1969-12-31T23:59:59.900Z", -0.1), ("2400-12-31T00:00:00.5Z", 13_601_001_600.5),
    ])
    func `a moment is read`(text: String, seconds: Double) throws {
        let date = try #require(Timestamp.date(text))
        #expect(abs(date.timeIntervalSince1970 - seconds) < 0.000_5)
    }

    @Test(arguments: [
        "", "2011-07-07", "2011-07-07T00:37:00", "2011-13-07T00:37:00Z", "2011-07-07 00:37:00.000Z",
        "2011-07-07T24:00:00Z", "2011-07-07T00:37:00.Z", "2011-07-07T00:37:00+00", "2011-07-07T00:37:00ZZ",
        "x011-07-07T00:37:00Z",
    ])
    func `anything else is refused`(text: String) {
        #expect(Timestamp.date(text) == nil)
    }

    @Test(arguments: [
        "2011-07-07T00:37:00.000Z", "1969-12-31T23:59:59.900Z", "2000-02-29T23:59:59.123Z",
        "2100-03-01T00:00:00.001Z",
        "1600-01-01T00:00:00.000Z",
    ])
    func `writing gives the text back`(text: String) throws {
        #expect(Timestamp.text(try #require(Timestamp.date(text))) == text)
    }
}

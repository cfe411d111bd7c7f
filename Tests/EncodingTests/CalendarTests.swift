import FoundationEssentials
import Testing

@testable import Encoding

struct CivilDayTests {
    @Test(arguments: [
        ("1970-01-01", 0), ("2000-02-29", 11_016), ("1900-03-01", -25_508), ("2100-12-31", 47_846),
        ("1899-12-31", -25_568), ("0000-01-01", -719_528),
    ])
    func `days are counted from 1970`(text: String, days: Int) {
        #expect(ISO8601.date(text) == days)
        var bytes: [UInt8] = []
        ISO8601.append(date: days, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }

    @Test func `each day of eight centuries keeps its number and its weekday follows`() {
        for days in -146_097...146_097 {
            let day = CivilDay(days: days)
            let weekday = CivilDay.weekday(days: days)
            if day.days != days || !day.isValid || weekday != (CivilDay.weekday(days: days - 1) + 1) % 7 {
                Issue.record("\(day)")
                return
            }
        }
        #expect(CivilDay.weekday(days: 0) == 4)
    }

    @Test(arguments: ["2001-02-29", "2001-13-01", "2001-00-01", "2001-1-01", "x", "20010101", "x001-01-01"])
    func `a day that does not exist is refused`(text: String) {
        #expect(ISO8601.date(text) == nil)
    }

    @Test func `a time before 1970 belongs to the day that it is in`() {
        #expect(CivilDay(Date(timeIntervalSince1970: -1)).description == "1969-12-31")
        #expect(CivilDay(Date(timeIntervalSince1970: 0)).description == "1970-01-01")
    }
}

struct ISO8601Tests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:00:00.5+01:00", 500), ("1969-12-31T23:59:59.999Z", -1),
        ("2018-12-17T21:00:17.000+0000", 1_545_080_417_000), ("1970-01-01T00:00:00.1239Z", 123),
        ("1969-12-31T16:00:00-0800", 0), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
    ])
    func `a point in time is read in milliseconds`(text: String, milliseconds: Int) {
        #expect(ISO8601.instant(text) == milliseconds)
    }

    @Test(arguments: [
        "", "2011-07-07", "2011-07-07T00:37:00", "2011-02-30T00:37:00Z", "2011-07-07 00:37:00.000Z",
        "2011-07-07T24:00:00Z", "2011-07-07T00:37:00.Z", "2011-07-07T00:37:00+00", "2011-07-07T00:37:00ZZ",
        "2011-07-07T00:37:00.1.2Z", "2011-07-07T0:37:00.00Z", "2011-07-07T00:37Z             ",
    ])
    func `other text is refused`(text: String) {
        #expect(ISO8601.instant(text) == nil)
    }

    @Test func `a point in time is written with the zone of the caller`() {
        #expect(ISO8601.text(instant: -1, zone: "Z") == "1969-12-31T23:59:59.999Z")
        #expect(ISO8601.text(instant: 45_296_789, zone: "+0000") == "1970-01-01T12:34:56.789+0000")
        var bytes: [UInt8] = []
        ISO8601.append(secondsSince1970: 951_868_799, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "2000-02-29T23:59:59")
    }
}

struct InternetDateTests {
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00"), (784_111_777, "Sun, 06 Nov 1994 08:49:37"),
        (951_827_696, "Tue, 29 Feb 2000 12:34:56"), (1_709_251_199, "Thu, 29 Feb 2024 23:59:59"),
        (4_102_444_800, "Fri, 01 Jan 2100 00:00:00"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00"),
        (-1, "Wed, 31 Dec 1969 23:59:59"),
    ])
    func `dates of HTTP and of mail differ in the zone`(seconds: Int, text: String) {
        #expect(InternetDate.http(secondsSince1970: seconds) == text + " GMT")
        #expect(InternetDate.mail(secondsSince1970: seconds) == text + " +0000")
    }
}

import Cryptography
import Encoding
import Testing

@testable import Salesforce

struct TextDiffTests {
    private func diff(_ hunks: String, to new: String) -> String {
        "--- \n+++ \(Hex.encode(Digest.sha256(new)))\n\(hunks)"
    }

    @Test(arguments: ["\n", "\r\n"])
    func `changed, added and removed lines lead to the new text`(lineBreak: String) {
        let old = ["one", "two", "three", "four", "five"].joined(separator: lineBreak)
        let new = ["one", "2", "three", "four", "4.5", "five"].joined(separator: lineBreak)
        #expect(
            TextDiff.apply(diff("@@ -2,1 +2,1 @@\n-two\n+2\n@@ -4,0 +5,1 @@\n+4.5", to: new), to: old) == new)
        // The other way of counting a place without lines.
        #expect(
            TextDiff.apply(diff("@@ -2,1 +2,1 @@\n-two\n+2\n@@ -5,0 +5,1 @@\n+4.5", to: new), to: old) == new)
        let shorter = ["one", "four", "five"].joined(separator: lineBreak)
        #expect(
            TextDiff.apply(diff("@@ -1,4 +1,2 @@\n one\n-two\n-three\n four", to: shorter), to: old)
                == shorter)
    }

    @Test func `a line break at the end is added or removed as the hash says`() {
        #expect(TextDiff.apply(diff("@@ -1,1 +1,1 @@\n-a\n+b", to: "b\n"), to: "a") == "b\n")
        #expect(TextDiff.apply(diff("@@ -1,1 +1,1 @@\n-a\n+b", to: "b"), to: "a\n") == "b")
        #expect(TextDiff.apply(diff("@@ -1 +1 @@\n-ä\n+ö", to: "ö"), to: "ä") == "ö")
    }

    @Test func `another old text or a damaged diff gives no text`() {
        let good = diff("@@ -2,1 +2,1 @@\n-two\n+2", to: "one\n2")
        #expect(TextDiff.apply(good, to: "one\ntwo") == "one\n2")
        #expect(TextDiff.apply(good, to: "eins\ntwo") == nil)
        #expect(TextDiff.apply(good, to: "one") == nil)
        #expect(TextDiff.apply(good, to: "") == nil)
        for damaged in [
            "", "--- ", "--- \n+++ xyz\n@@ -1,1 +1,1 @@", "--- \n+++ \(String(repeating: "a", count: 64))",
            good.replacing("-2,1", with: "-2,99999999999999999999"), good.replacing("-2,1", with: "-x,1"),
            good.replacing("-2,1", with: "-2,-9"),
            good.replacing("@@ -2,1", with: "@@ -9223372036854775807,1"),
        ] {
            #expect(TextDiff.apply(damaged, to: "one\ntwo") == nil)
        }
    }
}

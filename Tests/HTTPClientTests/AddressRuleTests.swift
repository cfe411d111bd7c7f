import Testing

@testable import HTTPClient

struct AddressRuleTests {
    @Test(
        arguments: [
            [8, 8, 8, 8], [1, 1, 1, 1], [100, 63, 0, 1], [100, 128, 0, 1], [172, 15, 0, 1], [172, 32, 0, 1],
            [192, 167, 0, 1], [198, 17, 0, 1], [223, 255, 255, 255], [169, 253, 1, 1],
        ] as [[UInt8]])
    func `an address of the internet is public`(address: [UInt8]) {
        #expect(AddressRule.isPublic(address))
    }

    @Test(
        arguments: [
            [0, 0, 0, 0], [10, 1, 2, 3], [100, 64, 0, 1], [127, 0, 0, 1], [127, 255, 0, 1],
            [169, 254, 169, 254],
            [172, 16, 0, 1], [172, 31, 255, 255], [192, 168, 1, 1], [192, 0, 0, 1], [192, 0, 2, 1],
            [198, 18, 0, 1], [203, 0, 113, 1], [224, 0, 0, 1], [255, 255, 255, 255],
        ] as [[UInt8]])
    func `private, loopback, link-local and special addresses are not, also inside of IPv6`(address: [UInt8])
    {
        #expect(!AddressRule.isPublic(address))
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        #expect(!AddressRule.isPublic(mapped + address))
        let translated: [UInt8] = [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(!AddressRule.isPublic(translated + address))
        // ::a.b.c.d
        #expect(!AddressRule.isPublic([UInt8](repeating: 0, count: 12) + address))
    }

    @Test func `of IPv6 only global unicast is public`() {
        func address(_ head: UInt8...) -> [UInt8] {
            head + [UInt8](repeating: 0, count: 15 - head.count) + [1]
        }
        #expect(AddressRule.isPublic(address(0x26, 0x06, 0x47)))
        #expect(AddressRule.isPublic(address(0x20, 0x01, 0x48, 0x60)))
        let others = [
            address(), address(0xFE, 0x80), address(0xFC), address(0xFD, 0x12), address(0xFF, 0x02),
            address(0x20, 0x02, 0x7F), address(0x20, 0x01, 0x0D, 0xB8), address(0x20, 0x01),
            address(0xFE, 0xC0), address(0x01),
        ]
        for other in others { #expect(!AddressRule.isPublic(other), "\(other)") }
        #expect(!AddressRule.isPublic([1, 1, 1]))
        #expect(!AddressRule.isPublic([]))
    }
}

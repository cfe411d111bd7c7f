import Testing
import WireVectors

struct MutationTests {
    /// A fixed part of the inputs of `bin/bench fuzz`.
    @Test func `damaged heads and bodies get the same verdict at every split`() {
        var campaign = Campaign(seed: 1)
        for _ in 0..<40_000 {
            if let disagreement = campaign.next() {
                Issue.record("\(disagreement)")
                return
            }
        }
        for tally in [campaign.headTally, campaign.bodyTally] {
            #expect(tally.complete > 1000)
            #expect(tally.incomplete > 1000)
            #expect(tally.refused.count > 3)
        }
    }
}

import Testing
import WireVectors

struct MutationTests {
    /// A few of the inputs of `bin/bench fuzz`, always the same ones.
    @Test func `damaged heads and bodies get one verdict however they are split`() {
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

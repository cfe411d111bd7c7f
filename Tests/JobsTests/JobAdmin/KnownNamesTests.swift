import Testing

@testable import JobAdmin
@testable import Jobs

/// A pause of a misspelled name holds nothing, so its operator gets a warning.
struct KnownNamesTests {
    private let known = KnownNames(
        queues: ["default", "mailers:low"], classes: ["SendConsentMail", "ImportMapping", "PruneJobs"])

    @Test func `a known name causes no warning`() {
        #expect(known.warning(about: .queue("mailers:low")) == nil)
        #expect(known.warning(about: .class("SendConsentMail")) == nil)
    }

    @Test(arguments: [
        (PauseScope.class("sendconsentmail"), "did you mean SendConsentMail?"),
        (.class("ImportMaping"), "did you mean ImportMapping?"), (.class("Prune"), "did you mean PruneJobs?"),
        (.queue("defualt"), "did you mean default?"), (.queue("nope"), "known: default, mailers:low"),
        (.queue("mail"), "did you mean mailers:low?"), (.class("X"), "known: ImportMapping, PruneJobs"),
    ])
    func `an unknown name causes a warning with similar known names`(_ scope: PauseScope, _ hint: String)
        throws
    {
        let warning = try #require(known.warning(about: scope))
        #expect(warning.contains(hint))
        #expect(warning.contains("may have no effect"))
    }
}

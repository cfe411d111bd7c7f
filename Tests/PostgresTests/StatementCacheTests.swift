import Testing

@testable import Postgres

struct StatementCacheTests {
    private func key(_ text: String) -> StatementCache.Key { .init(text: text, types: []) }

    @Test func `a repeated statement is prepared`() {
        var cache = StatementCache()
        #expect(cache.plan(for: key("a")) == .once)
        guard case .prepare(let name) = cache.plan(for: key("a")) else {
            Issue.record("not prepared"); return
        }
        cache.prepared(key("a"), as: name)
        #expect(cache.plan(for: key("a")) == .prepared(name))
        #expect(cache.plan(for: .init(text: "a", types: [17])) == .once)
    }

    @Test func `a statement that failed to prepare is tried again`() {
        var cache = StatementCache()
        _ = cache.plan(for: key("a"))
        _ = cache.plan(for: key("a"))
        guard case .prepare = cache.plan(for: key("a")) else { Issue.record("not tried again"); return }
    }

    @Test func `the number of prepared statements is limited, and the least used is removed`() {
        var cache = StatementCache()
        var names: [String] = []
        for index in 0...PostgresLimits.preparedStatements {
            _ = cache.plan(for: key("\(index)"))
            guard case .prepare(let name) = cache.plan(for: key("\(index)")) else { continue }
            cache.prepared(key("\(index)"), as: name)
            names.append(name)
        }
        #expect(cache.takeRetired() == [names[0]])
        #expect(cache.takeRetired() == [])
        #expect(cache.plan(for: key("0")) == .once)
        #expect(cache.plan(for: key("1")) == .prepared(names[1]))
    }

    @Test func `single statements do not displace repeated ones`() {
        var cache = StatementCache()
        _ = cache.plan(for: key("kept"))
        cache.prepared(key("kept"), as: "s0")
        for index in 0..<10_000 { _ = cache.plan(for: key("\(index)")) }
        #expect(cache.plan(for: key("kept")) == .prepared("s0"))
        #expect(cache.count <= PostgresLimits.seenStatements + 1)
    }

    @Test func `a discarded statement is deallocated later, a cleared one not`() {
        var cache = StatementCache()
        cache.prepared(key("a"), as: "s1")
        cache.prepared(key("b"), as: "s2")
        cache.discard(key("a"))
        #expect(cache.retired == ["s1"])
        cache.clear()
        #expect(cache.retired == [])
        #expect(cache.plan(for: key("b")) == .once)
    }
}

import Replication
import Testing

/// The order and packing of changes in merged mode.
struct MergedWriteTests {
    private let sfid = QueueScene.sfid(1)

    private func merged() -> QueueScene { QueueScene { $0.isMerged = true } }

    @Test func `the waiting changes of a row are one insert with the last values`() throws {
        var scene = merged()
        scene.insert("task", 1, ["name": "a", "phone": "1"])
        scene.update("task", 1, ["name": "b"], old: ["name": "a"])
        scene.update("task", 1, ["phone": nil], old: ["phone": "1"])
        let next = scene.queue.next(now: scene.now)
        let batch = try #require(next)
        #expect(batch.action == .insert)
        #expect(batch.items.map(\.entry.id) == [3])
        #expect(batch.items.map(\.merged) == [[1, 2]])
        #expect(batch.items.first?.entry.values == ["name": "b", "phone": nil])
        scene.written(3)
        #expect(scene.queue.known.isEmpty)
    }

    @Test func `merged updates keep the first old values`() throws {
        var scene = merged()
        scene.update("task", 1, ["name": "b"], old: ["name": "a", "phone": "1"], sfid: sfid)
        scene.update("task", 1, ["name": "c"], old: ["name": "b", "phone": "1"], sfid: sfid)
        let next = scene.queue.next(now: scene.now)
        let item = try #require(next?.items.first)
        #expect(item.entry.values == ["name": "c"])
        #expect(item.entry.old == ["name": "a", "phone": "1"])
    }

    @Test func `an update and a deletion are a deletion`() throws {
        var scene = merged()
        scene.update("task", 1, sfid: sfid)
        scene.delete("task", 1, sfid: sfid)
        let next = scene.queue.next(now: scene.now)
        let batch = try #require(next)
        #expect(batch.action == .delete)
        #expect(batch.items.map(\.entry.id) == [2])
        #expect(batch.items.map(\.merged) == [[1]])
    }

    @Test func `an insert and a deletion are nothing`() {
        var scene = merged()
        scene.insert("task", 1)
        scene.update("task", 1)
        scene.delete("task", 1)
        #expect(scene.ignored().sorted() == [1, 2, 3])
        #expect(scene.send() == nil)
        for id in 1...3 { scene.queue.end(id, as: .ignored, now: scene.now) }
        #expect(scene.queue.known.isEmpty)
    }

    @Test func `parents go before children that came first`() {
        var scene = merged()
        scene.insert("contact", 1, ["account__ext__c": "A", "name": "c"])
        scene.insert("account", 1, ["ext__c": "A"])
        #expect(scene.sendAll() == [[2]])
        scene.written(2)
        #expect(scene.sendAll() == [[1]])
    }

    @Test func `deletions of children go before deletions of parents that came first`() {
        var scene = merged()
        scene.delete("account", 1, sfid: sfid)
        scene.delete("contact", 1, old: ["accountid": sfid], sfid: QueueScene.sfid(2))
        #expect(scene.sendAll() == [[2]])
        scene.written(2)
        #expect(scene.sendAll() == [[1]])
    }

    @Test func `changes during the flight of an entry become the next one`() {
        var scene = merged()
        scene.insert("task", 1)
        #expect(scene.send() == [1])
        scene.update("task", 1)
        scene.update("task", 1)
        #expect(scene.send() == nil)
        scene.written(1)
        #expect(scene.sendAll() == [[3]])
    }

    @Test func `a delayed entry takes in the changes that came meanwhile`() throws {
        var scene = merged()
        scene.insert("task", 1, ["name": "a"])
        #expect(scene.send() == [1])
        scene.update("task", 1, ["name": "b"])
        scene.retry(1, after: .seconds(1))
        scene.update("task", 1, ["name": "c"])
        #expect(scene.send() == nil)
        scene.now += .seconds(1)
        let next = scene.queue.next(now: scene.now)
        let batch = try #require(next)
        #expect(batch.action == .insert)
        #expect(batch.items.map(\.entry.id) == [3])
        #expect(batch.items.map { $0.merged.sorted() } == [[1, 2]])
        #expect(batch.items.first?.entry.values == ["name": "c"])
    }

    @Test func `a failed insert is sent again with the next change of its row`() throws {
        var scene = merged()
        scene.insert("task", 1, ["name": "a", "phone": "1"])
        #expect(scene.send() == [1])
        scene.fail(1)
        #expect(scene.send() == nil)
        scene.update("task", 1, ["name": "b"])
        let next = scene.queue.next(now: scene.now)
        let batch = try #require(next)
        #expect(batch.action == .insert)
        #expect(batch.items.first?.entry.values == ["name": "b", "phone": "1"])
        scene.update("task", 1, ["name": "c"])
        scene.fail(2)
        #expect(scene.sendAll() == [[3]])
        scene.written(3)
        #expect(scene.queue.known.isEmpty)
    }

    @Test func `a circle of references is broken with a second request`() throws {
        var scene = QueueScene(tables: [
            WriteTable(
                name: "site__c", upsertColumn: "code__c",
                parents: [
                    WriteTable.Parent(column: "parent__code__c", tables: ["site__c"], keyColumn: "code__c")
                ])
        ]) { $0.isMerged = true }
        scene.insert("site__c", 1, ["code__c": "1", "parent__code__c": "2", "name": "a"])
        scene.insert("site__c", 2, ["code__c": "2", "parent__code__c": "1", "name": "b"])
        var sent: [(id: Int, columns: [String], isPartial: Bool)] = []
        while let batch = scene.queue.next(now: scene.now) {
            for item in batch.items {
                sent.append((item.entry.id, item.entry.values.keys.sorted(), item.isPartial))
                scene.written(item.entry.id)
            }
        }
        #expect(sent.count == 3)
        let first = try #require(sent.first)
        #expect(first.isPartial)
        #expect(first.columns == ["code__c", "name"])
        #expect(sent.dropFirst().allSatisfy { !$0.isPartial })
        let last = try #require(sent.last { $0.id == first.id })
        #expect(last.columns == ["parent__code__c"])
        #expect(scene.queue.known.isEmpty)
    }

    @Test func `two rows that exchange their keys do not wait forever`() {
        var scene = merged()
        scene.update("account", 1, ["ext__c": "B"], old: ["ext__c": "A"], sfid: QueueScene.sfid(1))
        scene.update("account", 2, ["ext__c": "A"], old: ["ext__c": "B"], sfid: QueueScene.sfid(2))
        #expect(scene.sendAll() == [[1]])
        scene.written(1)
        #expect(scene.sendAll() == [[2]])
    }

    @Test func `merged writes never make a Bulk job`() {
        var scene = QueueScene {
            $0.isMerged = true
            $0.bulkThreshold = 300
        }
        for row in 1...600 { scene.update("task", row, sfid: QueueScene.sfid(row)) }
        #expect(scene.sendAll().map(\.count) == [200, 200, 200])
    }
}

import Replication
import Testing

/// Which entries wait for which, in ordered mode.
struct WriteOrderTests {
    @Test func `a table with another upsert field needs another queue`() {
        var tables = QueueScene.tables
        let queue = QueueScene().queue
        tables[0].lookups = []
        tables.append(WriteTable(name: "new__c", upsertColumn: "key__c"))
        #expect(queue.keepsKeys(tables))
        tables[0].upsertColumn = nil
        #expect(!queue.keepsKeys(tables))
    }

    @Test func `independent rows of one table share a request`() {
        var scene = QueueScene()
        for row in 1...3 { scene.insert("task", row) }
        #expect(scene.sendAll() == [[1, 2, 3]])
    }

    @Test func `an update waits for the insert of its row and gets its record`() throws {
        var scene = QueueScene()
        scene.insert("task", 1)
        scene.update("task", 1)
        #expect(scene.sendAll() == [[1]])
        scene.written(1, sfid: QueueScene.sfid(7))
        let next = scene.queue.next(now: scene.now)
        let batch = try #require(next)
        #expect(batch.action == .update)
        #expect(batch.items.map(\.entry.sfid) == [QueueScene.sfid(7)])
    }

    @Test func `an update that arrives while the insert is in flight waits for its record`() throws {
        var scene = QueueScene()
        scene.insert("task", 1)
        #expect(scene.send() == [1])
        scene.update("task", 1)
        scene.delete("task", 1)
        #expect(scene.send() == nil)
        scene.written(1, sfid: QueueScene.sfid(7))
        #expect(scene.sendAll() == [[2]])
        scene.written(2)
        let next = scene.queue.next(now: scene.now)
        let batch = try #require(next)
        #expect(batch.action == .delete)
        #expect(batch.items.map(\.entry.sfid) == [QueueScene.sfid(7)])
    }

    @Test func `a parent goes before a child that names it by external id`() {
        var scene = QueueScene()
        scene.insert("account", 1, ["ext__c": "A"])
        scene.insert("contact", 1, ["account__ext__c": "a "])
        scene.insert("contact", 2, ["account__ext__c": "B"])
        #expect(scene.sendAll() == [[1], [3]])
        scene.written(1)
        #expect(scene.sendAll() == [[2]])
    }

    @Test func `a row goes before a row of its own table that refers to it`() {
        var scene = QueueScene()
        scene.insert("site__c", 1, ["code__c": "1"])
        scene.insert("site__c", 2, ["code__c": "2", "parent__code__c": "1"])
        #expect(scene.sendAll() == [[1]])
        scene.written(1)
        #expect(scene.sendAll() == [[2]])
    }

    @Test func `an external id that is not the upsert field orders parents too`() {
        let tables = [
            WriteTable(name: "account"),
            WriteTable(
                name: "contact",
                parents: [
                    WriteTable.Parent(column: "account__no__c", tables: ["account"], keyColumn: "no__c")
                ]),
        ]
        var scene = QueueScene(tables: tables)
        scene.insert("account", 1, ["no__c": "1"])
        scene.insert("contact", 1, ["account__no__c": "1"])
        #expect(scene.sendAll() == [[1]])
    }

    @Test func `a delete goes before an insert with the same upsert key`() {
        var scene = QueueScene()
        scene.delete("account", 1, old: ["ext__c": "A"], sfid: QueueScene.sfid(1))
        scene.insert("account", 2, ["ext__c": "A"])
        #expect(scene.sendAll() == [[1]])
        scene.written(1)
        #expect(scene.sendAll() == [[2]])
    }

    @Test func `a changed upsert key counts as both keys`() {
        var scene = QueueScene()
        scene.update("account", 1, ["ext__c": "B"], old: ["ext__c": "A"], sfid: QueueScene.sfid(1))
        scene.insert("account", 2, ["ext__c": "A"])
        scene.insert("account", 3, ["ext__c": "B"])
        scene.insert("contact", 1, ["account__ext__c": "B"])
        #expect(scene.sendAll() == [[1]])
        scene.written(1)
        // Row 3 is refused by Salesforce if row 1 has the key; the order is that of the application.
        #expect(scene.sendAll() == [[2, 3]])
    }

    @Test func `an update of a parent overlaps with new children`() {
        var scene = QueueScene()
        scene.update("account", 1, old: ["ext__c": "A", "name": "a"], sfid: QueueScene.sfid(1))
        scene.insert("contact", 1, ["account__ext__c": "A"])
        scene.insert("contact", 2, ["accountid": QueueScene.sfid(1)])
        scene.update(
            "account", 1, ["name": "c"], old: ["ext__c": "A", "name": "b"], sfid: QueueScene.sfid(1))
        #expect(scene.sendAll() == [[1], [2, 3]])
    }

    @Test func `a deletion of a parent waits for earlier changes of its children`() {
        var scene = QueueScene()
        let parent = QueueScene.sfid(1)
        scene.delete("contact", 1, old: ["accountid": parent], sfid: QueueScene.sfid(2))
        scene.update(
            "contact", 2, ["accountid": QueueScene.sfid(9)], old: ["accountid": parent],
            sfid: QueueScene.sfid(3))
        scene.delete("account", 1, sfid: String(parent.prefix(15)))
        #expect(scene.sendAll() == [[1], [2]])
        scene.written(1)
        #expect(scene.send() == nil)
        scene.written(2)
        #expect(scene.sendAll() == [[3]])
    }

    @Test func `two rows with the same upsert key go in two requests`() {
        var scene = QueueScene()
        scene.insert("account", 1, ["ext__c": "Key"])
        scene.insert("account", 2, ["ext__c": "KEY"])
        #expect(scene.sendAll() == [[1]])
        scene.written(1)
        #expect(scene.sendAll() == [[2]])
    }

    @Test func `an insert is an upsert if its key has a value, and an update if its row has a record`() {
        var scene = QueueScene()
        scene.insert("account", 1, ["ext__c": nil])
        scene.insert("account", 2, ["ext__c": "B"])
        scene.insert("account", 3, ["ext__c": "C"], sfid: QueueScene.sfid(3))
        var actions: [Int: WriteAttempt.Action] = [:]
        while let batch = scene.queue.next(now: scene.now) {
            for item in batch.items { actions[item.entry.id] = batch.action }
        }
        #expect(actions == [1: .insert, 2: .upsert, 3: .update])
    }

    @Test func `an update without a record is an upsert by a key that it does not change`() {
        var scene = QueueScene()
        scene.update("account", 1, old: ["ext__c": "A"])
        scene.update("account", 2, ["ext__c": "C"], old: ["ext__c": "B"])
        scene.update("task", 1)
        #expect(scene.queue.next(now: scene.now)?.action == .upsert)
        #expect(scene.send() == nil)
        #expect(scene.queue.stranded.sorted() == [2, 3])
        #expect(scene.queue.counts.blocked == 2)
    }

    @Test func `a stranded update goes on when its row has a record`() {
        var scene = QueueScene()
        scene.update("task", 1)
        scene.update("task", 1, ["name": "c"])
        #expect(scene.sendAll() == [])
        scene.update("task", 1, id: 1)
        #expect(scene.sendAll() == [])
        scene.update("task", 1, sfid: QueueScene.sfid(1), id: 1)
        #expect(scene.sendAll() == [[1]])
        scene.written(1)
        #expect(scene.sendAll() == [[2]])
    }

    @Test func `a row that was deleted before its insert was sent is ignored`() {
        var scene = QueueScene()
        scene.insert("task", 1)
        scene.update("task", 1)
        scene.delete("task", 1)
        scene.insert("task", 2)
        #expect(scene.ignored() == [1, 2, 3])
        #expect(scene.ignored() == [])
        #expect(scene.queue.known == [1, 2, 3, 4])
        #expect(scene.sendAll() == [[4]])
        for id in 1...3 { scene.queue.end(id, as: .ignored, now: scene.now) }
        #expect(scene.queue.known == [4])
    }

    @Test func `a deleted row is sent if a child refers to it meanwhile`() {
        var scene = QueueScene()
        scene.insert("account", 1, ["ext__c": "A"])
        scene.insert("contact", 1, ["account__ext__c": "A"])
        scene.update("contact", 1, ["account__ext__c": nil], old: ["account__ext__c": "A"])
        scene.delete("account", 1, old: ["ext__c": "A"])
        #expect(scene.ignored() == [])
        var sent: [Int] = []
        while let ids = scene.send() {
            sent += ids
            for id in ids { scene.written(id) }
        }
        #expect(sent == [1, 2, 3, 4])
    }

    @Test func `a deletion of a row that Salesforce never had is ignored`() {
        var scene = QueueScene()
        scene.delete("task", 1)
        #expect(scene.ignored() == [1])
        #expect(scene.send() == nil)
    }

    @Test func `a deletion whose insert turns out not to be carried out is ignored with it`() {
        var scene = QueueScene()
        scene.insert("task", 1)
        #expect(scene.send() == [1])
        scene.update("task", 1)
        scene.delete("task", 1)
        scene.retry(1, after: .seconds(1))
        #expect(scene.ignored() == [1, 2, 3])
    }

    @Test func `an entry that commits late waits for those in flight and goes before those that wait`() {
        var scene = QueueScene()
        scene.insert("account", 2, ["ext__c": "A"], id: 7)
        #expect(scene.send() == [7])
        scene.insert("account", 3, ["ext__c": "A"], id: 9)
        scene.insert("account", 1, ["ext__c": "A"], id: 5)
        #expect(scene.send() == nil)
        scene.retry(7, after: .seconds(1))
        #expect(scene.sendAll() == [[5]])
        scene.written(5)
        #expect(scene.send() == nil)
        scene.now += .seconds(1)
        #expect(scene.sendAll() == [[7]])
        scene.written(7)
        #expect(scene.sendAll() == [[9]])
    }
}

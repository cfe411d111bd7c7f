import Replication
import Testing

/// What failed, delayed and doubtful entries block.
struct WriteFailureTests {
    /// Row 1 of `account`, with its failed insert and entries that depend on it.
    private func failedParent() -> QueueScene {
        var scene = QueueScene()
        scene.insert("account", 1, ["ext__c": "A"])
        scene.insert("contact", 1, ["account__ext__c": "A"])
        scene.update("account", 1)
        scene.insert("contact", 2, ["account__ext__c": "B"])
        #expect(Set(scene.sendAll()) == [[1], [4]])
        scene.fail(1)
        return scene
    }

    @Test func `a failed insert blocks its row and its children, not the tenant`() {
        var scene = failedParent()
        scene.insert("account", 5, ["ext__c": "E"])
        #expect(scene.sendAll() == [[5]])
        #expect(scene.queue.counts.blocked == 2)
        #expect(!scene.queue.known.contains(1))
    }

    @Test func `a retried insert unblocks its row and its children`() {
        var scene = failedParent()
        scene.insert("account", 1, ["ext__c": "A"], id: 1)
        #expect(scene.sendAll() == [[1]])
        scene.written(1)
        #expect(Set(scene.sendAll()) == [[2], [3]])
    }

    @Test func `a new insert of the row takes the place of the failed one`() {
        var scene = failedParent()
        scene.insert("account", 1, ["ext__c": "A"])
        #expect(scene.sendAll() == [[5]])
        scene.written(5)
        #expect(Set(scene.sendAll()) == [[2], [3]])
    }

    @Test func `another row with the key of the failed one unblocks the children`() {
        var scene = failedParent()
        scene.insert("account", 9, ["ext__c": "A"])
        #expect(scene.sendAll() == [[5]])
        scene.written(5)
        #expect(scene.sendAll() == [[2]])
        #expect(scene.queue.counts.blocked == 1)
    }

    @Test func `a deletion of the failed row ends its entries and unblocks the children`() {
        var scene = failedParent()
        scene.delete("account", 1, old: ["ext__c": "A"])
        #expect(scene.ignored().sorted() == [3, 5])
        #expect(scene.sendAll() == [[2]])
    }

    @Test func `a deletion that waits for an insert is ignored when the insert fails`() {
        var scene = QueueScene()
        scene.insert("task", 1)
        #expect(scene.send() == [1])
        scene.update("task", 1)
        scene.delete("task", 1)
        scene.fail(1)
        #expect(scene.ignored() == [2, 3])
        #expect(scene.send() == nil)
        #expect(scene.queue.counts.blocked == 0)
    }

    @Test func `a failed insert of an earlier run blocks`() {
        var scene = QueueScene()
        let failed = LogEntry(
            id: 1, action: .insert, table: "account", recordID: 1, values: ["ext__c": "A"])
        scene.queue.addFailed([failed])
        scene.insert("contact", 1, ["account__ext__c": "A"], id: 2)
        scene.update("account", 1, id: 3)
        #expect(scene.send() == nil)
        #expect(scene.queue.known == [2, 3])
        scene.queue.forget([1])
        #expect(scene.sendAll() == [[2]])
        #expect(scene.queue.stranded == [3])
    }

    @Test func `a failed insert whose row has a record blocks nothing`() {
        var scene = QueueScene()
        scene.queue.addFailed([
            LogEntry(id: 1, action: .insert, table: "task", recordID: 1, sfid: QueueScene.sfid(1))
        ])
        scene.update("task", 1, sfid: QueueScene.sfid(1), id: 2)
        #expect(scene.sendAll() == [[2]])
    }

    @Test func `a failed update and a failed deletion block nothing`() {
        var scene = QueueScene()
        scene.update("task", 1, sfid: QueueScene.sfid(1))
        scene.update("task", 1, ["name": "c"], sfid: QueueScene.sfid(1))
        scene.delete("task", 1, sfid: QueueScene.sfid(1))
        scene.update("task", 1, ["name": "d"], sfid: QueueScene.sfid(1))
        for id in 1...4 {
            #expect(scene.sendAll() == [[id]])
            scene.fail(id)
        }
        #expect(scene.queue.known.isEmpty)
    }

    @Test func `a delayed entry returns to its place, and its row waits`() {
        var scene = QueueScene()
        scene.update("task", 1, sfid: QueueScene.sfid(1))
        scene.update("task", 1, ["name": "c"], sfid: QueueScene.sfid(1))
        scene.update("task", 2, sfid: QueueScene.sfid(2))
        #expect(scene.sendAll() == [[1, 3]])
        scene.retry(1, after: .seconds(2))
        #expect(scene.send() == nil)
        #expect(scene.queue.nextTime == scene.now + .seconds(2))
        scene.now += .seconds(2)
        #expect(scene.sendAll() == [[1]])
        scene.written(1)
        #expect(scene.sendAll() == [[2]])
        #expect(scene.queue.nextTime == nil)
    }

    @Test func `a doubtful entry blocks what depends on it until it ends`() {
        var scene = QueueScene()
        scene.insert("account", 1, ["ext__c": "A"])
        scene.update("account", 1)
        scene.insert("contact", 1, ["account__ext__c": "A"])
        #expect(scene.sendAll() == [[1]])
        scene.doubt(1)
        scene.insert("account", 2, ["ext__c": "B"])
        #expect(scene.sendAll() == [[4]])
        let counts = scene.queue.counts
        #expect(counts.doubtful == 1)
        #expect(counts.blocked == 2)
        #expect(counts.running == 1)
        scene.written(1)
        #expect(Set(scene.sendAll()) == [[2], [3]])
    }

    @Test func `a doubtful entry that was not carried out is sent again first`() {
        var scene = QueueScene()
        scene.insert("task", 1)
        scene.update("task", 1)
        #expect(scene.send() == [1])
        scene.doubt(1)
        scene.retry(1, after: .zero)
        #expect(scene.sendAll() == [[1]])
    }

    @Test func `entries of open attempts block what depends on them`() {
        var scene = QueueScene()
        let open = LogEntry(id: 1, action: .insert, table: "account", recordID: 1, values: ["ext__c": "A"])
        scene.update("account", 1, id: 2)
        scene.insert("contact", 1, ["account__ext__c": "A"], id: 3)
        scene.queue.addOpen([open], isDoubtful: true)
        #expect(scene.send() == nil)
        #expect(scene.queue.known == [1, 2, 3])
        scene.written(1, sfid: QueueScene.sfid(4))
        #expect(Set(scene.sendAll()) == [[2], [3]])
    }

    @Test func `doubtful entries free their request`() {
        var scene = QueueScene { $0.calls = 2 }
        scene.insert("task", 1)
        scene.insert("account", 1)
        scene.insert("contact", 1)
        #expect(Set(scene.sendAll()) == [[1], [2]])
        scene.doubt(1)
        #expect(scene.sendAll() == [[3]])
    }

    @Test func `an entry that could not be claimed is left out`() {
        var scene = QueueScene { $0.calls = 2 }
        scene.insert("task", 1)
        scene.insert("task", 2)
        scene.update("task", 1)
        #expect(scene.sendAll() == [[1, 2]])
        scene.queue.forget([1, 2])
        #expect(scene.queue.known == [3])
        #expect(scene.queue.counts.running == 0)
        scene.insert("task", 3)
        scene.insert("account", 3)
        #expect(Set(scene.sendAll()) == [[4], [5]])
    }
}

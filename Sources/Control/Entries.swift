import Model

extension LeaderState {
    /// When something is to be done about one workload: all of its entry that a wake has to look at.
    struct Agenda: Sendable, Hashable {
        /// When it is to be asked about; nil while it is being asked about.
        var dueAt: WallTime?
        /// Until when the answers about it wait for those about others; nil while it is not being asked about.
        var gathersUntil: WallTime?
        /// Everything that was asked about it has been answered.
        var isComplete = false
        /// When something is to be done about its change; nil: there is none, or it is being done.
        var nextLook: WallTime?

        init(_ entry: borrowing Entry) {
            if let inquiry = entry.inquiry {
                self.gathersUntil = inquiry.startedAt + LeaderState.gatherWindow
                self.isComplete = inquiry.isComplete
            } else {
                self.dueAt = entry.dueAt
            }
            if let open = entry.open, !open.busy { self.nextLook = open.nextLook }
        }
    }

    /// The entries, sorted by workload, with the agenda of each beside them.
    ///
    /// A leader wakes for every handful of answers, and each time asks what is due among all: a hundred thousand agendas in one piece are read in a
    /// fraction of a millisecond, entries that lie all over the memory in dozens of them. An entry can be changed through the subscript alone, which writes
    /// its agenda anew.
    struct Entries: Sendable, RandomAccessCollection, MutableCollection {
        private var boxes: [Boxed<Entry>]
        private(set) var agendas: [Agenda]

        init(_ boxes: [Boxed<Entry>]) {
            self.boxes = boxes
            self.agendas = boxes.map { Agenda($0.value) }
        }

        var startIndex: Int { 0 }
        var endIndex: Int { self.boxes.count }

        subscript(index: Int) -> Boxed<Entry> {
            get { self.boxes[index] }
            _modify {
                defer { self.agendas[index] = Agenda(self.boxes[index].value) }
                yield &self.boxes[index]
            }
        }
    }
}

package queue

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"
)

// lanes order the items: one lane for each session, in which the oldest goes first
// and nothing overtakes, and among the lanes the one that has been due the longest.
type lanes struct {
	byKey map[string]*lane
	of    map[*entry]*lane
	heap  laneHeap // lanes with an item and nothing in flight
}

type lane struct {
	key   string
	items []laneItem
	busy  bool
	place int // in the heap; -1 where it is not in it
}

type laneItem struct {
	entry *entry
	due   time.Time
}

func newLanes() *lanes { return &lanes{byKey: map[string]*lane{}, of: map[*entry]*lane{}} }

// laneKey is an item's session; one without a session yet is alone.
func laneKey(r Record) string {
	if r.SessionHash != "" {
		return r.SessionHash
	}
	return r.ID
}

func (l *lanes) empty() bool { return len(l.byKey) == 0 }

func (l *lanes) add(e *entry, due time.Time) {
	key := laneKey(e.record)
	to := l.byKey[key]
	if to == nil {
		to = &lane{key: key, place: -1}
		l.byKey[key] = to
	}
	at, _ := slices.BinarySearchFunc(to.items, e, func(i laneItem, e *entry) int {
		return cmp.Or(i.entry.record.Created.Compare(e.record.Created), strings.Compare(i.entry.record.ID, e.record.ID))
	})
	to.items = slices.Insert(to.items, at, laneItem{e, due})
	l.of[e] = to
	l.settle(to)
}

// next takes out the first item that is due and marks its lane busy.
func (l *lanes) next(now time.Time) *entry {
	if len(l.heap) == 0 || l.heap[0].items[0].due.After(now) {
		return nil
	}
	first := l.heap[0]
	e := first.items[0].entry
	first.items = first.items[1:]
	first.busy = true
	l.settle(first)
	return e
}

// release lets an item's lane go on.
func (l *lanes) release(e *entry) {
	if of := l.of[e]; of != nil {
		of.busy = false
		delete(l.of, e)
		l.settle(of)
	}
}

// remove takes an item out that is not in flight.
func (l *lanes) remove(e *entry) {
	of := l.of[e]
	if of == nil {
		return
	}
	delete(l.of, e)
	of.items = slices.DeleteFunc(of.items, func(i laneItem) bool { return i.entry == e })
	l.settle(of)
}

// drop takes out everything that waits for the same session as an item that was
// released.
func (l *lanes) drop(e *entry) {
	of := l.byKey[laneKey(e.record)]
	if of == nil {
		return
	}
	for _, i := range of.items {
		delete(l.of, i.entry)
	}
	of.items = nil
	l.settle(of)
}

// due is when the first lane is due.
func (l *lanes) due() (time.Time, bool) {
	if len(l.heap) == 0 {
		return time.Time{}, false
	}
	return l.heap[0].items[0].due, true
}

// settle puts a lane where it belongs after a change.
func (l *lanes) settle(of *lane) {
	ready := !of.busy && len(of.items) > 0
	switch {
	case ready && of.place < 0:
		heap.Push(&l.heap, of)
	case ready:
		heap.Fix(&l.heap, of.place)
	case of.place >= 0:
		heap.Remove(&l.heap, of.place)
	}
	if !of.busy && len(of.items) == 0 {
		delete(l.byKey, of.key)
	}
}

type laneHeap []*lane

func (h laneHeap) Len() int           { return len(h) }
func (h laneHeap) Less(i, j int) bool { return h[i].items[0].due.Before(h[j].items[0].due) }
func (h laneHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push implements heap.Interface.
func (h *laneHeap) Push(x any) {
	l := x.(*lane)
	l.place = len(*h)
	*h = append(*h, l)
}

// Pop implements heap.Interface.
func (h *laneHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	last.place = -1
	return last
}

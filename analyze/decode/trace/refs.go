package trace

import "fmt"

// needStack notes that an event refers to a stack: the table comes last.
func (r *replay) needStack(id uint64) { r.stackRefs.add(id) }

// needString is needStack for strings.
func (r *replay) needString(id uint64) { r.stringRefs.add(id) }

// dangling says which of the stacks and strings that events refer to are not there.
func (r *replay) dangling() error {
	if id, ok := r.stackRefs.missing(&r.tables.stacks); ok {
		return fmt.Errorf("an event refers to stack %d, which is not there", id)
	}
	if id, ok := r.stringRefs.missing(&r.tables.strings); ok {
		return fmt.Errorf("an event refers to string %d, which is not there", id)
	}
	return nil
}

// refs is a set of ids of a table. The runtime counts them from 1 upwards, so nearly all are small.
type refs struct {
	dense  []uint8
	sparse map[uint64]struct{}
}

func (s *refs) reset() {
	clear(s.dense)
	s.sparse = nil
}

func (s *refs) add(id uint64) {
	if id < uint64(len(s.dense)) {
		s.dense[id] = 1
		return
	}
	s.grow(id)
}

func (s *refs) grow(id uint64) {
	if id < denseSlack {
		s.dense = append(s.dense, make([]uint8, max(id+1, 2*uint64(len(s.dense)))-uint64(len(s.dense)))...)
		s.dense[id] = 1
		return
	}
	if s.sparse == nil {
		s.sparse = map[uint64]struct{}{}
	}
	s.sparse[id] = struct{}{}
}

// missing finds the lowest id that a table lacks. 0 stands for none and is never missing.
func (s *refs) missing(t *idTable) (uint64, bool) {
	for id, used := range s.dense {
		if _, ok := t.get(uint64(id)); used != 0 && !ok && id != 0 {
			return uint64(id), true
		}
	}
	lowest, found := uint64(0), false
	for id := range s.sparse {
		if _, ok := t.get(id); !ok && (!found || id < lowest) {
			lowest, found = id, true
		}
	}
	return lowest, found
}

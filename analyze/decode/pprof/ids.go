package pprof

// idTable maps the ids of a profile, which are its own choice, to places in a slice. Go's are
// 1, 2, 3…; other writers use addresses or hashes.
type idTable struct {
	dense  []uint32 // place + 1
	sparse map[uint64]uint32
	n      int
}

// costSparse is a map's share for one entry.
const costSparse = 40

// add notes an id. It reports whether the id is new.
func (t *idTable) add(m *memory, id uint64, place uint32) (fresh bool, err error) {
	if _, ok := t.find(id); ok {
		return false, nil
	}
	t.n++
	if limit := uint64(8*t.n + 1024); id < limit {
		if id >= uint64(len(t.dense)) {
			if t.dense, err = grow(m, t.dense, int(id)+1-len(t.dense), 4); err != nil {
				return false, err
			}
			t.dense = t.dense[:id+1]
		}
		t.dense[id] = place + 1
		return true, nil
	}
	if err := m.charge(costSparse); err != nil {
		return false, err
	}
	if t.sparse == nil {
		t.sparse = map[uint64]uint32{}
	}
	t.sparse[id] = place
	return true, nil
}

func (t *idTable) find(id uint64) (place uint32, ok bool) {
	if id < uint64(len(t.dense)) && t.dense[id] != 0 {
		return t.dense[id] - 1, true
	}
	if len(t.sparse) == 0 {
		return 0, false
	}
	place, ok = t.sparse[id]
	return place, ok
}

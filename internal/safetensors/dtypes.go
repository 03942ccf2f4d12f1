package safetensors

// dtypeInfo is what the format says about one element type.
type dtypeInfo struct {
	bits int // of one element; F4 and F6 are packed
	rank int // position in the writer's order, largest alignment first
}

// order lists the official dtypes as the Rust enum does, backwards: the order in
// which a writer stores tensors.
var order = [...]struct {
	name string
	bits int
}{
	{"U64", 64}, {"I64", 64}, {"F64", 64}, {"C64", 64},
	{"F32", 32}, {"U32", 32}, {"I32", 32},
	{"BF16", 16}, {"F16", 16}, {"U16", 16}, {"I16", 16},
	{"F8_E5M2FNUZ", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E8M0", 8}, {"F8_E4M3", 8}, {"F8_E5M2", 8},
	{"I8", 8}, {"U8", 8}, {"F6_E3M2", 6}, {"F6_E2M3", 6}, {"F4", 4}, {"BOOL", 8},
}

// lookup returns the element type called name.
func lookup(name string) (dtypeInfo, bool) {
	for i, d := range order {
		if d.name == name {
			return dtypeInfo{d.bits, i}, true
		}
	}
	return dtypeInfo{}, false
}

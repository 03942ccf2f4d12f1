package blas

const haveAVX2 = false

func (t *tile) multiply() { t.multiplyGeneric() }

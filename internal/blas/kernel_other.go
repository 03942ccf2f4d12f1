//go:build (!amd64 && !arm64) || noasm

package blas

func (*kernel) multiplyTile(t *tile) { t.multiplyGeneric() }

func (*kernel) multiplyPanels(int, int, []float32, []float32, []float32, int, bool) int { return 0 }

func (*kernel) packLeftRows([]float32, []float32, int, int) int { return 0 }

func (*kernel) packWholeColumns([]float32, right, int, int) int { return 0 }

func (*kernel) packRows([]float32, right, int, int) bool { return false }

func (*kernel) roundBlocks([]float32) int { return 0 }

func peak(int, bool) int { return 0 }

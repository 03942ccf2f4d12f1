// Package golden reads the numbers that tests compare with: tensors computed by
// PyTorch, from testdata or from a folder of larger fixtures beside the
// checkout. Only tests import it.
package golden
